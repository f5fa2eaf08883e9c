"""The hub's socket: authenticate, parse, call, answer."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error

from . import hub_protocol as protocol
from . import key_cache, presence, presence_writer, safety_checks
from .api_keys import credential_of
from .authentication import HUB_PREFIX
from .camera.inbox import inbox
from .database_threads import in_database_thread
from .hub_link import link, new_id
from .origins import header, is_foreign

log = structlog.get_logger(__name__)
SEND_WITHIN_S = 10.0


class HubConsumer(AsyncWebsocketConsumer):
    """One socket of one hub. A newer one of the same hub takes over.

    No channel layer: a socket must not end because Redis is away. What is to be sent comes from rows (hub_link).
    """

    channel_layer_alias = "none"

    def __init__(self) -> None:
        super().__init__()
        self.hub_id = 0
        self.prefix = ""
        self.socket_id = ""
        self.heard_at = time.monotonic()
        self._budget = protocol.MessageBudget(self.heard_at)
        self._malformed = 0
        self._ended = False

    async def connect(self) -> None:
        if is_foreign(self.scope):
            await self.close()  # before accepting: HTTP 403
            return
        offered = self.scope.get("subprotocols") or []
        await self.accept(protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in offered else None)
        try:
            await self._open()
        except Error:
            await self.end(protocol.CLOSE_STORE_AWAY)

    async def _open(self) -> None:
        credential = header(self.scope, b"authorization") or ""
        principal = await key_cache.authenticate(credential.encode("latin-1"))
        if principal is None:
            await self.end(refusal_of(credential))
            return
        socket_id = await in_database_thread(presence.socket_opened, principal.hub_id)
        if socket_id is None:
            await self.end(protocol.CLOSE_DEAD_CREDENTIAL)
            return
        self.hub_id, self.prefix, self.socket_id = principal.hub_id, principal.prefix, socket_id
        self.heard_at = time.monotonic()
        link().attach(self)
        inbox().hub_came(self.hub_id)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._ended:
            return
        if not self._budget.spend(time.monotonic()):
            await self.end(protocol.CLOSE_FLOOD)
            return
        try:
            message = protocol.parse(text_data)
        except protocol.ProtocolError as error:
            self._malformed = self._malformed + 1 if error.malformed else 0
            await self._complain(error.code, error.detail, error.about)
            if self._malformed >= protocol.MALFORMED_IN_A_ROW:
                await self.end(protocol.CLOSE_MALFORMED)
            return
        self._malformed = 0
        try:
            await self._take(message)
        except Error as error:
            log.warning("hub socket ends, the database is away", hub_id=self.hub_id, error=str(error))
            await self.end(protocol.CLOSE_STORE_AWAY)

    async def disconnect(self, code: int) -> None:
        self._ended = True
        if not self.socket_id:
            return
        link().detach(self)
        try:
            await in_database_thread(presence.socket_ended, self.hub_id, self.socket_id)
        except Error as error:
            # the hub goes silent by itself; a socket id left behind counts as ended then
            log.warning("socket's end not written", hub_id=self.hub_id, error=str(error))

    async def send_message(self, message: protocol.ServerMessage) -> None:
        """Sends, unless the socket has ended. A hub that does not take it within 10 s loses its socket."""
        if self._ended:
            return
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await self.send(text_data=protocol.encode(message))
        except TimeoutError:
            await self.end(protocol.CLOSE_HEARTBEAT_MISSED)
        except OSError:
            self._ended = True  # the peer is gone; `disconnect` follows

    async def end(self, code: int) -> None:
        """Closes the socket; the first code holds."""
        if self._ended:
            return
        self._ended = True
        if self.socket_id:
            link().detach(self)
            log.info("hub socket ended", hub_id=self.hub_id, code=code)
        try:
            await self.close(code)
        except OSError:
            log.info("hub was gone already", hub_id=self.hub_id)

    async def _take(self, message: protocol.HubMessage) -> None:
        match message:
            case protocol.Heartbeat():
                await self._take_heartbeat(message)
            case protocol.SafetyCheckReceived() | protocol.SafetyCheckAnswer():
                await self._take_check(message)
            case protocol.ErrorMessage():
                log.info("hub reports an error", hub_id=self.hub_id, code=ascii(message.code), about=message.about)
                if message.about is not None:
                    await inbox().hear_hub_error(self.hub_id, message.about)
            case _:
                if not await inbox().hear_hub(self.hub_id, self.prefix, message):
                    await self._complain("unknown_stream", "there is no camera session of that stream_id", message.id)

    async def _take_heartbeat(self, message: protocol.Heartbeat) -> None:
        now = datetime.now(UTC)
        skew_s = presence.fit_skew(now - message.sent_at)
        beat = presence.Beat(self.hub_id, self.socket_id, message.battery, message.robot_online, skew_s)
        if presence.is_routine(beat):
            link().collect(beat)
            is_ours = True
        else:
            is_ours = await presence_writer.take_heartbeat(beat)
        if is_ours:
            self.heard_at = time.monotonic()
            await self.send_message(protocol.HeartbeatAck(new_id(), now))
        # else the link ends this socket within a second, with the code that says why

    async def _take_check(self, message: protocol.SafetyCheckReceived | protocol.SafetyCheckAnswer) -> None:
        try:
            if isinstance(message, protocol.SafetyCheckAnswer):
                await in_database_thread(safety_checks.record_answer, message.check_id, self.hub_id, message.answer)
            else:
                await in_database_thread(safety_checks.mark_delivered, message.check_id, self.hub_id)
        except safety_checks.UnknownCheck as error:
            await self._complain("unknown_check", str(error), message.id)

    async def _complain(self, code: str, detail: str, about: str | None) -> None:
        await self.send_message(protocol.ErrorMessage(new_id(), code, detail, about))


def refusal_of(authorization: str) -> int:
    """4403 for a key of another kind, which may not, whatever it is worth elsewhere; else 4401."""
    credential = credential_of(authorization)
    is_other_kind = credential is not None and not credential[0].startswith(HUB_PREFIX)
    return protocol.CLOSE_FORBIDDEN if is_other_kind else protocol.CLOSE_DEAD_CREDENTIAL
