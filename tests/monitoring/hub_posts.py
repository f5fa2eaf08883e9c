"""A hub's requests, made to the ASGI application as a server would, and its events."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from django.db import connections

from devices.database_threads import in_database_thread
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
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(
            method, PATH, content=body, headers={"content-type": "application/json"} | proof | named
        )


async def post(key: str | None, body: bytes | AsyncIterator[bytes], **headers: str) -> httpx.Response:
    return await call("POST", key, body, **headers)


@asynccontextmanager
async def sensor_logs_ending(way: str) -> AsyncIterator[None]:
    """While it lasts every statement that adds an event comes to an end by `way`, in PL/pgSQL."""

    def run(*statements: str) -> None:
        with connections["timeseries"].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    make = f"CREATE FUNCTION end_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {way}; RETURN NEW; END $$"
    await in_database_thread(
        run, make, "CREATE TRIGGER end_it BEFORE INSERT ON sensor_logs FOR EACH ROW EXECUTE FUNCTION end_it()"
    )
    try:
        yield
    finally:
        await in_database_thread(run, "DROP TRIGGER end_it ON sensor_logs", "DROP FUNCTION end_it")


def losing_the_connection() -> Any:
    """The server ends each connection that is about to add an event."""
    return sensor_logs_ending("PERFORM pg_terminate_backend(pg_backend_pid())")
