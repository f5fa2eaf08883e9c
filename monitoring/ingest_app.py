"""`POST /api/v1/hub/events` as a plain ASGI application, in front of Django's handler.

It sees the headers before the body, refuses what is too large before reading it, and spares a hub's batch the 2 ms
that Django's ASGI handler costs. What is not a POST with a live hub key goes on to Django, without its body: the same
path there answers 401, 403 and 405 as every other endpoint does.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from prometheus_client import Counter

from devices import key_cache
from devices.database_threads import in_database_thread
from devices.strict_json import MalformedJSON

from . import hub_batches
from .hub_batches import Answer, TooLarge

if TYPE_CHECKING:
    from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope

    from devices.authentication import HubPrincipal

log = structlog.get_logger(__name__)
PATH = "/api/v1/hub/events"
BATCHES = Counter("anbu_ingest_batches_total", "Batches posted by hubs, by status", ["status"])
EVENTS = Counter("anbu_ingest_events_total", "Events of accepted batches", ["verdict"])
OUTAGE = (OperationalError, InterfaceError)


class Disconnected(Exception):
    """The hub went away while it was sending: nobody waits for an answer."""


class IngestApp:
    """Wraps Django's ASGI application."""

    def __init__(self, django: Any) -> None:
        self.django = django

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self.django(scope, receive, send)
            return
        arrived_at = datetime.now(UTC)
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            hub = await key_cache.authenticate(headers.get(b"authorization", ""))
            if hub is None or scope["method"] != "POST":
                await self.django(bodiless(scope), without_body(receive), send)
                return
            answer = await self._take(hub, headers, receive, arrived_at)
        except Disconnected:
            return
        except OUTAGE as error:
            log.warning("batch refused: a database is away", error=str(error))
            answer = hub_batches.refuse(503, "store_unavailable", "a database is away; send again")
        BATCHES.labels(answer.status).inc()
        await answer_with(send, answer)

    async def _take(
        self, hub: HubPrincipal, headers: dict[bytes, str], receive: ASGIReceiveCallable, arrived_at: datetime
    ) -> Answer:
        try:
            body = await read_body(receive, headers.get(b"content-length", ""))
            body = hub_batches.unpack(body, headers.get(b"content-encoding", "").strip().lower())
        except TooLarge:
            return hub_batches.too_large()
        except MalformedJSON as error:
            return hub_batches.refuse(400, "malformed", str(error))
        kind = headers.get(b"content-type", "")
        answer = await in_database_thread(hub_batches.take_batch, hub.hub_id, hub.senior_id, body, arrived_at, kind)
        if answer.status == 200:
            EVENTS.labels("accepted").inc(answer.body["accepted"])
            EVENTS.labels("duplicate").inc(answer.body["duplicates"])
            EVENTS.labels("rejected").inc(len(answer.body["rejected"]))
        return answer


async def read_body(receive: ASGIReceiveCallable, content_length: str) -> bytes:
    """The body, refused by its announced length or as soon as it has grown too large. Raises TooLarge, Disconnected."""
    if content_length.isdigit() and int(content_length) > settings.MAX_BODY_BYTES:
        raise TooLarge
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        size += len(message["body"])
        if size > settings.MAX_BODY_BYTES:
            raise TooLarge
        parts.append(message["body"])
        more = message.get("more_body", False)
    return b"".join(parts)


async def answer_with(send: ASGISendCallable, answer: Answer) -> None:
    body = hub_batches.encode(answer)
    kind = b"application/json" if answer.status == 200 else b"application/problem+json"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    if answer.status == 503:
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def bodiless(scope: HTTPScope) -> HTTPScope:
    """`scope` of the same request with nothing in it, so that nobody looks for a body and finds it malformed."""
    about_body = {b"content-length", b"content-encoding", b"transfer-encoding"}
    return {**scope, "headers": [header for header in scope["headers"] if header[0].lower() not in about_body]}


def without_body(receive: ASGIReceiveCallable) -> Any:
    """`receive` with an empty body: what the client sends of it is let go as it comes, and never kept."""
    is_told = False

    async def receive_nothing() -> Any:
        nonlocal is_told
        if not is_told:
            is_told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        message = await receive()
        while message["type"] == "http.request":
            message = await receive()
        return message

    return receive_nothing
