"""One per web process: reads the log of announcements and deals it out to the process's staff sockets in memory.

A hint makes it look at once; without hints it looks each half second. The rows decide what is said, so a lost hint
costs half a second and a lost process nothing: the next socket takes a snapshot.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import structlog
from django.db import Error
from prometheus_client import Counter, Gauge

from devices import hints
from devices.database_threads import in_database_thread

from . import staff_messages, staff_queries
from .outbox import stamp_sequence
from .reachability import mark_pages_open

if TYPE_CHECKING:
    from .staff_queries import Announcement, Change

log = structlog.get_logger(__name__)
LOOK_S = 0.5
CHANGES_S = 0.25  # hints about state wait so long for each other; emergencies never do
PULSE_S = 10.0
MARK_PAGES_S = 30.0
RESENDS_S = (5.0, 15.0)
MAX_UNRECEIVED = 256  # alerts that a socket was sent and no page confirmed, kept to be sent again
GUARDIAN_HEARS = {"risk.changed"}
CLOSE_SERVICE_RESTART = 1012

SOCKETS = Gauge("anbu_staff_sockets", "Open staff sockets of this process")
ANNOUNCED = Counter("anbu_staff_messages_total", "Messages put out to staff sockets", ["type"])


class StaffSocket(Protocol):
    """What the feed knows of a socket. `put` never waits: it queues, or closes a socket that does not read."""

    staff_id: int
    is_guardian: bool
    head_seq: int
    unreceived: dict[str, Unreceived]
    known: set[int]  # the emergencies that this page was told of
    early: list[Announcement] | None  # kept back until the snapshot is sent; None from then on

    def put(self, message: staff_messages.Message) -> None: ...

    def close_soon(self, code: int) -> None: ...


class Unreceived:
    """An alert that this socket was sent and no page has confirmed: sent again at 5 and at 15 seconds."""

    def __init__(self, log_id: int, message: staff_messages.Message) -> None:
        self.log_id = log_id
        self.message = message
        self._sent_at = time.monotonic()
        self._resends = 0

    def is_due(self, now: float) -> bool:
        if self._resends >= len(RESENDS_S) or now - self._sent_at < RESENDS_S[self._resends]:
            return False
        self._resends += 1
        return True


class StaffFeed:
    def __init__(self) -> None:
        self._sockets: set[StaffSocket] = set()
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._cursor = 0
        self._looked_at = datetime.now(UTC)
        self._changes_due = 0.0
        self._awaited: list[asyncio.Future[None]] = []
        self._seen: set[tuple[str, int, str]] = set()
        self._pulsed_at = time.monotonic()
        self._pages_marked_at = 0.0

    async def attach(self, socket: StaffSocket) -> None:
        """From here on the socket hears what happens; its snapshot, taken afterwards, can overlap but leaves no gap.
        Raises django.db.Error when the database is away."""
        if not self._is_running():
            await self._start()
        self._sockets.add(socket)
        SOCKETS.set(len(self._sockets))

    def detach(self, socket: StaffSocket) -> None:
        self._sockets.discard(socket)
        SOCKETS.set(len(self._sockets))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _start(self) -> None:
        await in_database_thread(stamp_sequence)  # what happened before is the snapshots' to tell
        head = await in_database_thread(staff_queries.head_of_log)
        looked_at = await in_database_thread(staff_queries.database_now)
        if self._is_running():
            return  # another socket was faster, and the cursor is its own
        await self.stop()
        self._cursor, self._looked_at = head, looked_at
        self._tasks = [
            asyncio.create_task(self._run(), name="staff feed"),
            asyncio.create_task(hints.listen([hints.STAFF_FEED], self._wake), name="staff feed hints"),
        ]

    async def tell(self, within_s: float) -> None:
        """Something was just committed by this process: looks now, without waiting for the hint to come round, and
        returns when this process's sockets were told, or after `within_s`."""
        if self._sockets and self._is_running():
            told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._awaited.append(told)
            self._wake.set()
            await asyncio.wait([told], timeout=within_s)

    def _is_running(self) -> bool:
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if not self._sockets:
                continue
            try:
                await self._look()
                await self._resend()
                await self._mark_pages()
                await self._tell_newcomers()
            except Error as error:
                log.warning("the database is away: staff sockets close and come back", error=str(error))
                for socket in list(self._sockets):
                    socket.close_soon(CLOSE_SERVICE_RESTART)
            self._pulse()

    async def _look(self) -> None:
        viewers = {socket.staff_id for socket in self._sockets}
        awaited, self._awaited = self._awaited, []
        announcements = await in_database_thread(staff_queries.read_log, self._cursor, viewers)
        for announcement in announcements:
            self._cursor = announcement.seq
            for socket in list(self._sockets):
                if socket.staff_id in announcement.audience:
                    deal(socket, announcement)
        for told in awaited:
            told.set_result(None)
        if len(announcements) >= staff_queries.PAGE:
            self._wake.set()
        if time.monotonic() >= self._changes_due:
            await self._look_for_changes(viewers)
            self._changes_due = time.monotonic() + CHANGES_S

    async def _look_for_changes(self, viewers: set[int]) -> None:
        self._looked_at, changes = await in_database_thread(
            staff_queries.read_changes, self._looked_at, self._seen, viewers
        )
        for change in changes:
            self._tell(change)

    def _tell(self, change: Change) -> None:
        kind = change.message["type"]
        for socket in list(self._sockets):
            is_for = socket.staff_id in change.audience and (not socket.is_guardian or kind in GUARDIAN_HEARS)
            if is_for and socket.early is None:
                socket.put(change.message)
                ANNOUNCED.labels(kind).inc()

    async def _resend(self) -> None:
        """Sends again what none of the person's pages has confirmed, here or in another process."""
        now = time.monotonic()
        due = [
            (socket, delivery_id)
            for socket in self._sockets
            for delivery_id, unreceived in socket.unreceived.items()
            if unreceived.is_due(now)
        ]
        if not due:
            return
        waiting = await in_database_thread(staff_queries.still_waiting, {delivery_id for _, delivery_id in due})
        for socket, delivery_id in due:
            if delivery_id not in waiting:
                socket.unreceived.pop(delivery_id, None)
            elif unreceived := socket.unreceived.get(delivery_id):
                socket.put(unreceived.message)

    async def _tell_newcomers(self) -> None:
        """Whoever came to see a senior in the middle of an emergency is told of it: with the pulse, which says how far
        the log is for that person, or before it with the next thing that happens."""
        if time.monotonic() - self._pulsed_at < PULSE_S:
            return
        viewers = {socket.staff_id for socket in self._sockets}
        unresolved = await in_database_thread(staff_queries.read_unresolved, viewers)
        for announcement in unresolved:
            for socket in list(self._sockets):
                is_theirs = socket.staff_id in announcement.audience and socket.early is None
                if is_theirs and announcement.emergency["log_id"] not in socket.known:
                    deal(socket, announcement, is_resend=True)

    async def _mark_pages(self) -> None:
        """Notes whose pages are open, so that a roster whose people nobody could reach is noticed in time."""
        now = time.monotonic()
        if now - self._pages_marked_at >= MARK_PAGES_S:
            self._pages_marked_at = now
            await in_database_thread(mark_pages_open, {socket.staff_id for socket in self._sockets})

    def _pulse(self) -> None:
        """Tells each page how far the log is, by which it knows that it is neither behind nor deaf."""
        now = time.monotonic()
        if now - self._pulsed_at >= PULSE_S:
            self._pulsed_at = now
            moment = datetime.now(UTC)
            for socket in list(self._sockets):
                if socket.early is None:
                    socket.put(staff_messages.pulse(socket.head_seq, moment))


def deal(socket: StaffSocket, announcement: Announcement, *, is_resend: bool = False, is_missed: bool = False) -> None:
    """Puts an announcement out to one socket, once: what its snapshot or an earlier turn covered is passed over.
    `is_missed`: the person's page may have known the emergency before it was away."""
    if socket.early is not None and not is_resend:
        socket.early.append(announcement)
        return
    if announcement.seq <= socket.head_seq and not is_resend:
        return
    socket.head_seq = max(socket.head_seq, announcement.seq)
    log_id = announcement.emergency["log_id"]
    if announcement.kind == "ask":
        message = staff_messages.ask(announcement.seq, log_id, announcement.expires_at)
    else:
        message = _tell_emergency(socket, announcement, is_missed=is_missed)
    socket.put(message)
    ANNOUNCED.labels(message["type"]).inc()


def _tell_emergency(
    socket: StaffSocket, announcement: Announcement, *, is_missed: bool = False
) -> staff_messages.Message:
    """The message for this socket's person; whether it is sent again, the rows decide when that comes due."""
    alert = None if socket.is_guardian else announcement.alerts.get(socket.staff_id)
    log_id, status = announcement.emergency["log_id"], announcement.emergency["status"]
    # one who was alerted before knows it; of anybody else this page is asked
    is_news = alert.opens if alert else log_id not in socket.known and not is_missed
    is_first = announcement.kind == "raised" or is_news
    socket.known.add(log_id)
    message = staff_messages.emergency_message(
        announcement.seq,
        announcement.emergency,
        kind="raised" if is_first else "changed",
        delivery_id=alert.delivery_id if alert else None,
        guardian=socket.is_guardian,
    )
    if status == "resolved":
        for delivery_id in [key for key, waiting in socket.unreceived.items() if waiting.log_id == log_id]:
            del socket.unreceived[delivery_id]
    elif alert:
        while len(socket.unreceived) >= MAX_UNRECEIVED:  # its row brings on the next channel
            del socket.unreceived[next(iter(socket.unreceived))]
        socket.unreceived[alert.delivery_id] = Unreceived(log_id, message)
    return message


_feeds: dict[asyncio.AbstractEventLoop, StaffFeed] = {}


def feed() -> StaffFeed:
    """The feed of this process's event loop."""
    loop = asyncio.get_running_loop()
    for ended in [other for other in _feeds if other.is_closed()]:
        del _feeds[ended]
    if loop not in _feeds:
        _feeds[loop] = StaffFeed()
    return _feeds[loop]
