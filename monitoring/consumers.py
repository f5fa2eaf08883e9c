"""`/ws/staff/`: authenticate, parse, call, answer. What is said here is decided by rows (staff_feed, alerting)."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import InterfaceError, OperationalError

from devices import revocation_feed
from devices.database_threads import in_database_thread
from devices.origins import address_of, header, is_foreign
from seniors.revocations import digest_session
from seniors.sessions import session_key_of, staff_of_session

from . import alerting, ownership, staff_messages, staff_queries
from .camera_socket import StaffStreams
from .models import EmergencyLog, Progress
from .ownership import NotOwner
from .staff_feed import CLOSE_SERVICE_RESTART, Unreceived, deal, feed
from .staff_frames import Refused, id_of, integer, parse_message
from .transitions import AlreadyResolved

if TYPE_CHECKING:
    from collections.abc import Callable

    from seniors.models import Staff

    from .staff_queries import Announcement

log = structlog.get_logger(__name__)
OUTAGE = (OperationalError, InterfaceError)
MAX_QUEUED = 1000
SEND_WITHIN_S = 10.0
MAX_MALFORMED = 3
CLOSE_MALFORMED, CLOSE_UNAUTHENTICATED, CLOSE_NOT_READING = 4400, 4401, 4408


class StaffConsumer(AsyncWebsocketConsumer):
    # no channel layer: a socket must stay open while Redis is away
    channel_layer_alias = "none"
    staff: Staff

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.staff_id, self.is_guardian, self.head_seq = 0, False, 0
        self.unreceived: dict[str, Unreceived] = {}
        self.early: list[Announcement] | None = []
        self.known: set[int] = set()
        self._session = ""
        self._queue: asyncio.Queue[staff_messages.Message | int] = asyncio.Queue(MAX_QUEUED)
        self._writer: asyncio.Task[None] | None = None
        self.streams: StaffStreams | None = None
        self._malformed = 0

    async def connect(self) -> None:
        if is_foreign(self.scope):
            await self.close()  # before accept: HTTP 403
            return
        await self.accept()
        session_key = session_key_of(header(self.scope, b"cookie") or "")
        if session_key is None:
            await self.close(CLOSE_UNAUTHENTICATED)
            return
        self._session = digest_session(session_key)
        revocation_feed.subscribe(self)  # before the look: what dies in between is heard of
        try:
            staff = await in_database_thread(staff_of_session, session_key)
            if staff is None:
                await self.close(CLOSE_UNAUTHENTICATED)
                return
            self.staff, self.staff_id, self.is_guardian = staff, staff.pk, staff.is_guardian
            self.streams = StaffStreams(staff, self._session, address_of(self.scope), self.put)
            self._writer = asyncio.create_task(self._write())
            await feed().attach(self)
            await self._greet()
        except OUTAGE:
            await self.close(CLOSE_SERVICE_RESTART)

    async def disconnect(self, code: int) -> None:
        feed().detach(self)
        revocation_feed.unsubscribe(self)
        if self.streams:
            self.streams.close()
        if self._writer:
            self._writer.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        about: str | None = None
        try:
            message = parse_message(text_data)
            about = id_of(message)
            await self._handle(message)
            self._malformed = 0
        except Refused as error:
            self.put(staff_messages.error(error.code, error.detail, about))
            self._malformed = self._malformed + 1 if error.code == "malformed" else 0
            if self._malformed >= MAX_MALFORMED:
                self.close_soon(CLOSE_MALFORMED)
        except OUTAGE:
            self.close_soon(CLOSE_SERVICE_RESTART)

    # -- the feed's side

    def put(self, message: staff_messages.Message) -> None:
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.close_soon(CLOSE_NOT_READING)

    def close_soon(self, code: int) -> None:
        feed().detach(self)
        if self.streams:
            self.streams.close()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(code)

    def credential_revoked(self, kind: str, subject: str) -> None:
        if (kind, subject) in {("session", self._session), ("staff", str(self.staff_id))}:
            self.close_soon(CLOSE_UNAUTHENTICATED)

    def store_went_away(self) -> None:
        self.close_soon(CLOSE_SERVICE_RESTART)

    async def _write(self) -> None:
        while True:
            message = await self._queue.get()
            if isinstance(message, int):
                await self.close(message)
                return
            try:
                async with asyncio.timeout(SEND_WITHIN_S):
                    await self.send(text_data=json.dumps(message, ensure_ascii=False))
            except TimeoutError:
                self.close_soon(CLOSE_NOT_READING)
            except OSError:
                return  # the page is gone; `disconnect` follows

    # -- messages

    async def _greet(self, *, reset: bool = False) -> None:
        snapshot = await in_database_thread(staff_queries.take_snapshot, self.staff)
        self.known |= {emergency["log_id"] for emergency in snapshot.emergencies}
        hello = staff_messages.hello(snapshot.head_seq, snapshot.emergencies, guardian=self.is_guardian, reset=reset)
        self._catch_up(hello, snapshot.head_seq, snapshot.waiting)

    def _catch_up(self, message: staff_messages.Message, head_seq: int, waiting: list[Announcement]) -> None:
        """Nothing may come between the snapshot's message and what was kept back: no await in here."""
        self.put(message)
        self.head_seq = max(self.head_seq, head_seq)
        early, self.early = self.early or [], None
        for announcement in waiting:
            deal(self, announcement, is_resend=True)
        for announcement in early:
            deal(self, announcement)

    async def _handle(self, message: dict[str, Any]) -> None:
        handlers = {
            "resume": self._resume,
            "delivery.received": self._receive_delivery,
            "emergency.acknowledge": self._acknowledge,
            "emergency.progress": self._report_progress,
            "error": self._hear_error,
            **(self.streams.handlers if self.streams else {}),
        }
        handler = handlers.get(message["type"])
        if handler is None:
            raise Refused("unknown_type", f"{message['type'][:40]!r} is no message of this socket")
        await handler(message)

    async def _resume(self, message: dict[str, Any]) -> None:
        last_seq = integer(message, "last_seq")
        self.early = []  # what comes meanwhile waits for its turn
        snapshot = await in_database_thread(staff_queries.take_missed, self.staff, last_seq)
        if snapshot is None:
            await self._greet(reset=True)
            return
        for announcement in snapshot.missed:
            deal(self, announcement, is_resend=True, is_missed=True)
        sent = {announcement.seq for announcement in snapshot.missed}
        waiting = [announcement for announcement in snapshot.waiting if announcement.seq not in sent]
        self._catch_up(staff_messages.resumed(snapshot.head_seq), snapshot.head_seq, waiting)

    async def _receive_delivery(self, message: dict[str, Any]) -> None:
        try:
            delivery_id = str(uuid.UUID(message.get("delivery_id")))
        except (ValueError, TypeError, AttributeError) as error:
            raise Refused("malformed", "`delivery_id` is the one that came with the alert") from error
        self.unreceived.pop(delivery_id, None)
        device = f"page:{self._session[:16]}"
        await in_database_thread(alerting.receive_delivery, delivery_id, self.staff_id, device)

    async def _acknowledge(self, message: dict[str, Any]) -> None:
        log_id = integer(message, "log_id")
        await self._act(log_id, lambda: ownership.acknowledge(log_id, self.staff))

    async def _report_progress(self, message: dict[str, Any]) -> None:
        log_id, state = integer(message, "log_id"), message.get("state")
        if state not in Progress.values:
            raise Refused("malformed", f"`state` is one of {', '.join(Progress.values)}")
        await self._act(log_id, lambda: ownership.report_progress(log_id, self.staff, Progress(state)))

    async def _act(self, log_id: int, act: Callable[[], EmergencyLog]) -> None:
        if self.is_guardian:
            raise Refused("forbidden", "a guardian cannot take an emergency")
        await in_database_thread(act_on_visible, self.staff, log_id, act)

    async def _hear_error(self, message: dict[str, Any]) -> None:
        log.info("a page reports an error", staff_id=self.staff_id, code=str(message.get("code"))[:80])


def act_on_visible(staff: Staff, log_id: int, act: Callable[[], EmergencyLog]) -> None:
    """Does `act`, if the emergency is of a senior whom `staff` may see. Raises Refused."""
    if not EmergencyLog.objects.visible_to(staff).filter(pk=log_id).exists():
        raise Refused("not_found", "there is no such emergency")
    try:
        act()
    except AlreadyResolved as error:
        raise Refused("already_resolved", "the emergency is over") from error
    except NotOwner as error:
        raise Refused("not_owner", str(error)) from error
