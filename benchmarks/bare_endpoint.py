"""The least an ASGI application can do with a batch: read it, decode it, answer as long an answer. Nothing is kept."""

from __future__ import annotations

from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
ANSWER = b'{"accepted":100,"duplicates":0,"rejected":[],"server_time":"2026-11-22T08:30:13.123456+00:00"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise ValueError("HTTP alone")
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message["body"])
        more = message.get("more_body", False)
    _decode(b"".join(parts))
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})
