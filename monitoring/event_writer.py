"""Group commit: requests that come while a commit is under way are kept by the next one together.

A single connection, one commit at a time. A group is first sent by COPY as if all of it were new, which costs
PostgreSQL half of `INSERT ... ON CONFLICT`; when an event is there already the server refuses the group and it goes the
other way, and so do the next groups, the more of them the more often that happens.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import psycopg
import structlog
from prometheus_client import Counter, Histogram

from .copy_connection import CopyConnection
from .copy_rows import PackedRows, compose_copy
from .event_store import COPY_NEW, COPY_SOME

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)
GROUP_EVENTS = 5_000
COMMIT_WITHIN_S = 8.0
MOST_DETOURS = 64
# Turns of the event loop before a group is taken: one for requests that it has read already; the others for those that
# just had their answer to ask again, else two halves take turns and every commit keeps half of what it could.
GATHERING_TURNS = 4

GROUPS = Counter("anbu_ingest_groups_total", "Commits of sensor events", ["way"])
GROUP_SIZE = Histogram(
    "anbu_ingest_group_requests", "Requests kept by one commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)


class EventsNotStored(Exception):
    """The events are not known to be durable: send them again."""


class Waiting(NamedTuple):
    rows: PackedRows
    accepted: asyncio.Future[int]


class EventWriter:
    """Of one event loop. `conninfo` is asked at each connection, as psycopg.conninfo.make_conninfo writes it."""

    def __init__(self, conninfo: Callable[[], str]) -> None:
        self._conninfo = conninfo
        self._connection: CopyConnection | None = None
        self._waiting: list[Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._detours = 0  # groups that go by ON CONFLICT at once
        self._penalty = 0
        self.waiting_events = 0

    async def store(self, rows: PackedRows) -> int:
        """How many of `rows` were new, once they are durable. Raises EventsNotStored.

        Cancelling the caller does not keep the rows from being stored."""
        if not rows.events:
            return 0
        waiting = Waiting(rows, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self.waiting_events += rows.events
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="event writer")
        return await waiting.accepted

    async def _work(self) -> None:
        try:
            while self._waiting:
                for _ in range(GATHERING_TURNS):
                    await asyncio.sleep(0)
                group = self._take_group()
                try:
                    await self._store_group(group)
                except BaseException as error:
                    refuse(group, error)
                    raise
        finally:
            self._task = None

    def _take_group(self) -> list[Waiting]:
        """The next requests in order, at most one of a hub: so the counts by hub are the counts by request."""
        group: dict[int, Waiting] = {}
        left: list[Waiting] = []
        events = 0
        for waiting in self._waiting:
            rows = waiting.rows
            if rows.hub_id in group or (group and events + rows.events > GROUP_EVENTS):
                left.append(waiting)
                continue
            group[rows.hub_id] = waiting
            events += rows.events
        self._waiting = left
        self.waiting_events -= events
        return list(group.values())

    async def _store_group(self, group: list[Waiting]) -> None:
        """Answers everybody in `group`. One whose rows the server refuses costs the others nothing."""
        GROUP_SIZE.observe(len(group))
        try:
            async with asyncio.timeout(COMMIT_WITHIN_S):
                counts = await self._commit([waiting.rows for waiting in group])
        except (psycopg.Error, TimeoutError) as error:
            is_lost = isinstance(error, TimeoutError) or self._connection is None or not self._connection.is_alive
            log.warning("a group of batches was not stored", requests=len(group), lost=is_lost, error=str(error))
            if is_lost:
                self._disconnect()
            if is_lost or len(group) == 1:
                refuse(group, error)
                return
        else:
            for waiting in group:
                if not waiting.accepted.done():
                    waiting.accepted.set_result(counts.get(waiting.rows.hub_id, 0))
            return
        for waiting in group:
            await self._store_group([waiting])

    async def _commit(self, group: list[PackedRows]) -> dict[int, int]:
        """hub_id -> how many of its rows were new (none: the hub is left out)."""
        connection = await self._connected()
        rows = compose_copy(each.rows for each in group)
        if self._detours == 0:
            try:
                await connection.run(COPY_NEW, rows, compose_copy(each.note for each in group))
            except psycopg.errors.UniqueViolation:
                self._penalty = self._detours = min(max(2 * self._penalty, 1), MOST_DETOURS)
            else:
                self._penalty //= 2
                GROUPS.labels("copy").inc()
                return {each.hub_id: each.events for each in group}
        else:
            self._detours -= 1
        answers = await connection.run(COPY_SOME, rows)
        GROUPS.labels("on_conflict").inc()
        return {int(hub_id): int(events) for hub_id, events in answers}

    async def _connected(self) -> CopyConnection:
        if self._connection is None or not self._connection.is_alive:
            self._disconnect()
            self._connection = await CopyConnection.open(self._conninfo())
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def refuse(group: list[Waiting], error: BaseException) -> None:
    for waiting in group:
        if not waiting.accepted.done():
            waiting.accepted.set_exception(EventsNotStored(str(error)))
