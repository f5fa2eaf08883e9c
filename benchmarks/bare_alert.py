"""The least an ASGI application can do with an alert: read the POST, decode it, put it on every open socket, answer."""

from __future__ import annotations

from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_sockets: set[Any] = set()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await keep_socket(receive, send)
        return
    body = _decode((await receive())["body"])
    text = msgspec.json.encode({"type": "emergency.raised", "seq": 1, "emergency": body["events"][0]}).decode()
    for socket in _sockets:
        await socket({"type": "websocket.send", "text": text})
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"{}"})


async def keep_socket(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    _sockets.add(send)
    while (await receive())["type"] != "websocket.disconnect":
        pass
    _sockets.discard(send)
