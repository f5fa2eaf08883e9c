"""The link between rows and hub sockets: one loop a web process, from its first hub socket to its last.

Each 0.5 s, or at once on a hint, it writes the heartbeats that came, in one statement, sends the safety checks that
hubs of this process have not received (again each 5 s), and ends the sockets that are no longer their hub's: replaced
elsewhere, key dead, silent for too long. Redis away costs nothing but the haste; PostgreSQL away ends every socket with
1012, and hubs come back.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

import structlog
from django.db import Error, connection
from django.db.models.functions import Now

from . import hints, presence, revocation_feed
from . import hub_protocol as protocol
from .database_threads import in_database_thread
from .models import SafetyCheck
from .presence import heartbeat_lasts

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

log = structlog.get_logger(__name__)
LOOK_S = 0.5
OWNERSHIP_S = 1.0
RESEND_S = 5.0


class LinkedSocket(Protocol):
    """A hub's socket as this module uses it."""

    hub_id: int
    prefix: str
    socket_id: str
    heard_at: float  # monotonic

    async def send_message(self, message: protocol.ServerMessage) -> None: ...

    async def end(self, code: int) -> None: ...


READ_OWNERS = """
    SELECT hub_keys.prefix, iot_hubs.socket_id
    FROM hub_keys JOIN iot_hubs USING (hub_id)
    WHERE hub_keys.prefix = ANY(%s) AND iot_hubs.deregistered_at IS NULL AND hub_keys.revoked_at IS NULL
        AND (hub_keys.expires_at IS NULL OR hub_keys.expires_at > statement_timestamp())
"""


def read_undelivered() -> list[SafetyCheck]:
    """The checks of any hub that no robot has received and that have not expired: a few, while the sockets are many."""
    return list(SafetyCheck.objects.filter(status="requested", expires_at__gt=Now()))


def read_owners(prefixes: Iterable[str]) -> dict[str, str]:
    """The id of the hub's own socket for each key that is live; "" where it has none.

    Prefixes go as one array: a parameter for each of ten thousand sockets would cost more than the answer.
    """
    with connection.cursor() as cursor:
        cursor.execute(READ_OWNERS, [list(prefixes)])
        return dict(cursor.fetchall())


class HubLink:
    def __init__(self) -> None:
        self._sockets: dict[int, LinkedSocket] = {}
        self._beats: dict[int, tuple[presence.Beat, float]] = {}
        self._sent: dict[tuple[str, int], float] = {}
        self._wake = asyncio.Event()
        self._owners_due = 0.0
        self._errands: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def attach(self, socket: LinkedSocket) -> None:
        """From now on the hub is reached by `socket`; an older one of the same hub ends with 4409."""
        older = self._sockets.get(socket.hub_id)
        self._sockets[socket.hub_id] = socket
        if older is not None and older is not socket:
            self._send_off(older.end(protocol.CLOSE_REPLACED))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="hub link")
        self._wake.set()

    def detach(self, socket: LinkedSocket) -> None:
        if self._sockets.get(socket.hub_id) is socket:
            del self._sockets[socket.hub_id]
            self._wake.set()

    def collect(self, beat: presence.Beat) -> None:
        """A heartbeat that changes nothing but the time is written with the others of this half second."""
        self._beats[beat.hub_id] = (beat, time.monotonic())

    def pass_on(self, hub_id: int, message: protocol.ServerMessage) -> None:
        """Sends to that hub's socket, if it is in this process."""
        if socket := self._sockets.get(hub_id):
            self._send_off(socket.send_message(message))

    def credential_revoked(self, kind: str, subject: str) -> None:
        """The rows say which sockets that concerns."""
        if kind in ("hub", "hub_key"):
            self._owners_due = 0.0
            self._wake.set()

    def store_went_away(self) -> None:
        for socket in tuple(self._sockets.values()):
            self._send_off(socket.end(protocol.CLOSE_STORE_AWAY))

    async def _run(self) -> None:
        listening = asyncio.create_task(hints.listen([hints.HUB_LINK], self._wake))
        revocation_feed.subscribe(self)
        try:
            while self._sockets:
                try:
                    await self._look()
                except Error as error:
                    log.warning("hub sockets end, the database is away", error=str(error))
                    self.store_went_away()
                except Exception:  # this loop alone reaches the hubs: an error of ours must not end it
                    log.exception("hub link failed, it goes on")
                await hints.wait(self._wake, LOOK_S)
        finally:
            revocation_feed.unsubscribe(self)
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def _look(self) -> None:
        now = time.monotonic()
        if self._beats:
            beats, self._beats = self._beats, {}
            aged = [(beat, now - at) for beat, at in beats.values()]
            await in_database_thread(presence.mark_heartbeats, aged)
        sockets = tuple(self._sockets.values())
        for socket in sockets:
            if now - socket.heard_at > heartbeat_lasts().total_seconds():
                self._send_off(socket.end(protocol.CLOSE_HEARTBEAT_MISSED))
        if now >= self._owners_due:
            self._owners_due = now + OWNERSHIP_S
            owners = await in_database_thread(read_owners, [socket.prefix for socket in sockets])
            for socket in sockets:
                self._judge(socket, owners.get(socket.prefix))
        for check in await in_database_thread(read_undelivered):
            self._send_check(check, now)
        self._sent = {key: at for key, at in self._sent.items() if now - at < RESEND_S}

    def _judge(self, socket: LinkedSocket, owner: str | None) -> None:
        if owner is None:
            self._send_off(socket.end(protocol.CLOSE_DEAD_CREDENTIAL))
        elif owner == "":  # the watchdog has given it up
            self._send_off(socket.end(protocol.CLOSE_HEARTBEAT_MISSED))
        elif owner != socket.socket_id:
            self._send_off(socket.end(protocol.CLOSE_REPLACED))

    def _send_check(self, check: SafetyCheck, now: float) -> None:
        socket = self._sockets.get(check.hub_id)
        if socket is None or now - self._sent.get((socket.socket_id, check.check_id), -RESEND_S) < RESEND_S:
            return
        self._sent[socket.socket_id, check.check_id] = now
        message = protocol.SafetyCheckRequest(new_id(), check.check_id, check.prompt, check.expires_at)
        self._send_off(socket.send_message(message))

    def _send_off(self, errand: Coroutine[None, None, None]) -> None:
        """On a task of its own: a hub that does not read holds up nobody else."""
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


def new_id() -> str:
    return uuid.uuid4().hex


_links: WeakKeyDictionary[asyncio.AbstractEventLoop, HubLink] = WeakKeyDictionary()


def link() -> HubLink:
    """The link of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _links:
        _links[loop] = HubLink()
    return _links[loop]
