"""The camera's messages on one staff socket: asks, answers and ends views, and keeps their rows."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db import Error

from devices.camera.inbox import inbox
from devices.camera.signaling import RelayUnavailable, ViewRequest
from devices.database_threads import in_database_thread

from . import camera_views, staff_messages
from .staff_frames import Refused, id_of, integer, text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from seniors.models import Staff

log = structlog.get_logger(__name__)
CANDIDATE_FIELDS: dict[str, type | tuple[type, ...]] = {
    "candidate": str,
    "sdpMid": (str, type(None)),
    "sdpMLineIndex": (int, type(None)),
}


class StaffStreams:
    """The views of one socket. `put` sends a message to its page."""

    def __init__(
        self, staff: Staff, session: str, address: str | None, put: Callable[[staff_messages.Message], None]
    ) -> None:
        self._staff, self._session, self._address, self._put = staff, session, address, put
        self._open: set[str] = set()
        self._errands: set[asyncio.Task[None]] = set()
        self.handlers: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "stream.request": self.request,
            "stream.answer": self._answer,
            "stream.candidate": self._add_candidate,
            "stream.leave": self._leave,
            "stream.prolong": self._prolong,
            "talk.start": self._start_talk,
            "talk.stop": self._stop_talk,
        }

    async def request(self, message: dict[str, Any]) -> None:
        senior_id, about = integer(message, "senior_id"), id_of(message)
        reason, break_glass = message.get("reason"), message.get("break_glass", False)
        if type(break_glass) is not bool:
            raise Refused("malformed", "`break_glass` is true or false")
        try:
            admission = await in_database_thread(
                camera_views.judge_view,
                self._staff,
                senior_id,
                reason,
                break_glass=break_glass,
                address=self._address,
            )
        except camera_views.ViewRefused as error:
            raise Refused(error.code, error.detail) from error
        if admission.ended:
            self._put(staff_messages.stream_ended(admission.ended, about))
            return
        await self._begin(admission, senior_id, str(reason), about)

    async def _begin(self, admission: camera_views.Admission, senior_id: int, reason: str, about: str | None) -> None:
        stream_id, breaks = uuid.uuid4().hex, admission.break_glass
        await in_database_thread(camera_views.open_view, stream_id, self._staff, senior_id, reason, break_glass=breaks)
        request = ViewRequest(
            stream_id,
            senior_id,
            admission.hub_id,
            self._staff.pk,
            self._staff.full_name,
            session=self._session,
            break_glass=breaks,
            about=about,
        )
        self._open.add(stream_id)
        try:
            await inbox().ask(request, self)
        except RelayUnavailable as error:
            self._open.discard(stream_id)
            await in_database_thread(camera_views.close_view, stream_id, "timeout")
            raise Refused("relay_unavailable", "the camera relay cannot be reached; try again") from error

    async def _answer(self, message: dict[str, Any]) -> None:
        await self._pass_on(message, "viewer.answer", sdp=text(message, "sdp"))

    async def _add_candidate(self, message: dict[str, Any]) -> None:
        candidate = message.get("candidate")
        if candidate is not None:
            is_whole = isinstance(candidate, dict) and all(
                isinstance(candidate.get(name), kinds) for name, kinds in CANDIDATE_FIELDS.items()
            )
            if not is_whole:
                raise Refused("malformed", "`candidate` is {candidate, sdpMid, sdpMLineIndex} or null")
            candidate = {name: candidate.get(name) for name in CANDIDATE_FIELDS}
        await self._pass_on(message, "viewer.candidate", candidate=candidate)

    async def _prolong(self, message: dict[str, Any]) -> None:
        await self._pass_on(message, "viewer.prolong", about=id_of(message))

    async def _start_talk(self, message: dict[str, Any]) -> None:
        if not settings.TALK_ENABLED:
            raise Refused("talk_disabled", "speaking through the robot is off here")
        await self._pass_on(message, "talk.start", sdp=text(message, "sdp"), about=id_of(message))

    async def _stop_talk(self, message: dict[str, Any]) -> None:
        await self._pass_on(message, "talk.stop")

    async def _leave(self, message: dict[str, Any]) -> None:
        await self._pass_on(message, "viewer.leave")

    async def _pass_on(self, message: dict[str, Any], kind: str, **fields: Any) -> None:
        """Raises Refused: another's stream is as unknown as none."""
        stream_id = text(message, "stream_id")
        if stream_id not in self._open or not inbox().has(stream_id):
            raise Refused("unknown_stream", "there is no such stream of this socket")
        try:
            await inbox().say(stream_id, kind, **fields)
        except RelayUnavailable as error:
            raise Refused("relay_unavailable", "the camera relay cannot be reached; try again") from error

    def close(self) -> None:
        """The socket is gone: its views end at once."""
        for stream_id in self._open:
            inbox().leave(stream_id)
            self._do_soon(camera_views.close_view, stream_id, "stopped")
        self._open.clear()

    # -- the inbox's side

    def stream_said(self, message: dict[str, Any]) -> None:
        self._put(message)

    def stream_ended(self, stream_id: str, reason: str) -> None:
        self._open.discard(stream_id)
        self._do_soon(camera_views.close_view, stream_id, reason)

    def stream_live(self, stream_id: str) -> None:
        self._do_soon(camera_views.mark_live, stream_id, self._address)

    def _do_soon(self, write: Callable[..., None], *args: Any) -> None:
        task = asyncio.create_task(self._write(write, *args))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _write(self, write: Callable[..., None], *args: Any) -> None:
        try:
            await in_database_thread(write, *args)
        except Error as error:
            log.warning("a view's trace is not written, the database is away", error=str(error))
