"""A hub's requests, made to the ASGI application as a server would, and its events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

from portal.asgi import application

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATH = "/api/v1/hub/events"


def event(seconds_ago: float = 5, **fields: Any) -> dict[str, Any]:
    moment = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    plain = {"timestamp": moment.isoformat(), "sensor_id": "bath", "event_content": "motion", "sensor_value": True}
    return {**plain, **fields}


def batch(*events: Any, **fields: Any) -> bytes:
    return json.dumps({"events": events, **fields}).encode()


async def call(
    method: str, key: str | None, body: bytes | AsyncIterator[bytes] = b"", **headers: str
) -> httpx.Response:
    """The answer to one request; `headers` with underscores for hyphens."""
    proof = {"authorization": f"Api-Key {key}"} if key else {}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    # httpx names an application's messages plain mappings, Channels names them one by one
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(
            method, PATH, content=body, headers={"content-type": "application/json"} | proof | named
        )


async def post(key: str | None, body: bytes | AsyncIterator[bytes], **headers: str) -> httpx.Response:
    return await call("POST", key, body, **headers)
