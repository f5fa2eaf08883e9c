"""`POST /api/v1/hub/events` as a plain ASGI application, in front of Django's handler.

It sees the headers before the body, refuses what is too large before reading it, and spares a hub's batch the 2 ms
that Django's ASGI handler costs. What is not a POST with a live hub key goes on to Django, without its body: the same
path there answers 401, 403 and 405 as every other endpoint does.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import structlog
from django.db import Error
from prometheus_client import Counter

from devices import key_cache, presence, presence_writer
from devices.database_threads import in_database_thread
from devices.strict_json import MalformedJSON

from . import event_store, hub_batches, panic, request_bodies
from .admission import LARGE_AT_ONCE, MAX_WAITING_EVENTS, SMALL_BYTES, HubRates
from .copy_rows import pack_rows
from .event_writer import EventsNotStored, EventWriter
from .hub_batches import Answer, Batch, TooLarge
from .request_bodies import BodyTooSlow, Disconnected
from .staff_feed import feed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope

    from devices.authentication import HubPrincipal

log = structlog.get_logger(__name__)
PATH = "/api/v1/hub/events"
BATCHES = Counter("anbu_ingest_batches_total", "Batches posted by hubs, by status", ["status"])
TAKEN = BATCHES.labels(200)
EVENTS = Counter("anbu_ingest_events_total", "Events of accepted batches", ["verdict"])
ACCEPTED, DUPLICATE, REJECTED = (EVENTS.labels(verdict) for verdict in ("accepted", "duplicate", "rejected"))
YIELDS_S = 0.1  # to calls for help; many of them must not keep all other events out
RETRY_AFTER_S = {503: b"5", 429: b"1"}


class Lane:
    """What one event loop has of its own: its writer, and the room for large bodies, which let calls for help pass."""

    def __init__(self) -> None:
        self.writer = EventWriter(event_store.conninfo)
        self.patience = request_bodies.Patience()
        self.large_bodies = asyncio.Semaphore(LARGE_AT_ONCE)
        self._turn = asyncio.Lock()
        self._calls, self._calm = 0, asyncio.Event()
        self._calm.set()

    @asynccontextmanager
    async def call_for_help(self) -> AsyncIterator[None]:
        """While it lasts no large body is judged, for a short time at least."""
        self._calls += 1
        self._calm.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if self._calls == 0:
                self._calm.set()

    @asynccontextmanager
    async def large_body(self) -> AsyncIterator[None]:
        """One at a time, and one in a turn of the loop: whatever else is ready comes between two of them."""
        async with self._turn:
            if not self._calm.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._calm.wait(), YIELDS_S)
            yield


class IngestApp:
    """Wraps Django's ASGI application."""

    def __init__(self, django: Any) -> None:
        self.django = django
        self._rates = HubRates()
        self._lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, Lane] = WeakKeyDictionary()

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self.django(scope, receive, send)
            return
        arrived_at = datetime.now(UTC)
        headers = dict(scope["headers"])
        try:
            credential = headers.get(b"authorization", b"")
            hub = key_cache.recognize(credential) or await key_cache.authenticate(credential)
            if hub is None or scope["method"] != "POST":
                await self.django(request_bodies.bodiless(scope), request_bodies.without_body(receive), send)
                return
            answer = await self._take(hub, headers, receive, arrived_at)
        except Disconnected:
            return
        except (Error, EventsNotStored) as error:
            log.warning("batch refused: a database is away", error=str(error))
            answer = hub_batches.refuse(503, "store_unavailable", "a database is away; send again")
        (TAKEN if answer.status == 200 else BATCHES.labels(answer.status)).inc()
        await answer_with(send, answer)

    async def _take(
        self, hub: HubPrincipal, headers: dict[bytes, bytes], receive: ASGIReceiveCallable, arrived_at: datetime
    ) -> Answer:
        lane = self._lane()
        is_within_rate = self._rates.admit(hub.hub_id, time.monotonic())
        try:
            if request_bodies.announces_at_most(headers, SMALL_BYTES):
                size, batch = await self._read(lane, receive, headers, arrived_at)
            else:
                async with lane.large_bodies:
                    size, batch = await self._read(lane, receive, headers, arrived_at)
        except TooLarge:
            return hub_batches.too_large()
        except BodyTooSlow:
            return hub_batches.refuse(408, "timeout", f"the body took more than {request_bodies.BODY_WITHIN_S:.0f} s")
        except MalformedJSON as error:
            return hub_batches.refuse(400, "malformed", str(error))
        if isinstance(batch, Answer):
            return batch
        if batch.panics:
            async with lane.call_for_help():
                await self._raise_panics(hub, batch, arrived_at)
                await feed().tell(YIELDS_S)
        elif not is_within_rate:
            return hub_batches.refuse(429, "throttled", "a hub may send 20 requests a second: put more events into one")
        elif size > SMALL_BYTES and lane.writer.waiting_events >= MAX_WAITING_EVENTS:
            return hub_batches.refuse(429, "overloaded", "too much is waiting; send this batch again later")
        if batch.skew is not None:
            await in_database_thread(presence.mark_refused_post, hub.hub_id, batch.skew)
            return hub_batches.clock_skew(arrived_at)
        accepted = await self._store(lane, hub, batch)
        if not presence.is_post_noted(hub.hub_id):
            await presence_writer.note_post(hub.hub_id)
        count_events(batch, accepted)
        return hub_batches.taken(batch, accepted, arrived_at)

    async def _read(
        self, lane: Lane, receive: ASGIReceiveCallable, headers: dict[bytes, bytes], arrived_at: datetime
    ) -> tuple[int, Batch | Answer]:
        """(bytes as sent, what they say)."""
        sent = await request_bodies.read_body(receive, headers, lane.patience)
        if len(sent) <= SMALL_BYTES:
            return await self._judge(sent, headers, arrived_at)
        async with lane.large_body():
            return await self._judge(sent, headers, arrived_at)

    async def _judge(
        self, sent: bytes, headers: dict[bytes, bytes], arrived_at: datetime
    ) -> tuple[int, Batch | Answer]:
        encoding = headers.get(b"content-encoding", b"")
        body = hub_batches.unpack(sent, encoding.decode("latin-1").strip().lower()) if encoding else sent
        kind = headers.get(b"content-type", b"").decode("latin-1")
        batch: Batch | Answer | None = hub_batches.read_plain_batch(body, arrived_at, kind)
        if batch is None and len(body) <= SMALL_BYTES:
            batch = hub_batches.read_batch(body, arrived_at, kind)
        elif batch is None:  # the long way takes a while for a long body
            batch = await asyncio.to_thread(hub_batches.read_batch, body, arrived_at, kind)
        return len(sent), batch

    async def _raise_panics(self, hub: HubPrincipal, batch: Batch, arrived_at: datetime) -> None:
        await in_database_thread(panic.raise_panics, hub.hub_id, hub.senior_id, batch.panics, arrived_at, batch.skew)

    async def _store(self, lane: Lane, hub: HubPrincipal, batch: Batch) -> int:
        return await lane.writer.store(pack_rows(hub.hub_id, batch.readings))

    def _lane(self) -> Lane:
        loop = asyncio.get_running_loop()
        lane = self._lanes.get(loop)
        if lane is None:
            lane = self._lanes[loop] = Lane()
        return lane


def count_events(batch: Batch, accepted: int) -> None:
    ACCEPTED.inc(accepted)
    if accepted != len(batch.readings):
        DUPLICATE.inc(len(batch.readings) - accepted)
    if batch.rejected:
        REJECTED.inc(len(batch.rejected))


async def answer_with(send: ASGISendCallable, answer: Answer) -> None:
    body = hub_batches.encode(answer)
    kind = b"application/json" if answer.status == 200 else b"application/problem+json"
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    if answer.status in RETRY_AFTER_S:
        headers.append((b"retry-after", RETRY_AFTER_S[answer.status]))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})
