"""One home in the relay: the session's effects done with real connections. Everything about a home is done in order."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from django.db import Error

from devices.database_threads import in_database_thread

from . import session as core
from .ice import make_ice_servers
from .peers import BadDescription, InboundPeer, OutboundPeer
from .rights import RunningView, judge_home, read_hub_readiness
from .signaling import RelayUnavailable, ViewRequest, send, send_to_hub
from .source import RelaySource
from .talk import Talk

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

log = structlog.get_logger(__name__)


@dataclass
class View:
    """What a viewer came with, and the connection made for them."""

    request: ViewRequest
    inbox: str
    peer: OutboundPeer | None = None
    was_live: bool = False


class Home:
    def __init__(self, hub_id: int, senior_id: int, now: Callable[[], float] = time.monotonic) -> None:
        self.hub_id, self.senior_id = hub_id, senior_id
        self.session = core.CameraSession(lambda: uuid.uuid4().hex)
        self.views: dict[str, View] = {}
        self.sources: dict[str, RelaySource] = {}
        self.publisher: InboundPeer | None = None
        self.publisher_prefix = ""
        self.start_id = ""
        self.talk = Talk(self)
        self._now = now
        self._errands: asyncio.Queue[Coroutine[Any, Any, None]] = asyncio.Queue()
        self._is_busy = False
        self._closing: set[asyncio.Task[None]] = set()
        self._worker = asyncio.create_task(self._work(), name=f"home {hub_id}")

    # -- order

    def post(self, errand: Coroutine[Any, Any, None]) -> None:
        """Does `errand` after everything that was posted before."""
        self._errands.put_nowait(errand)

    @property
    def is_idle(self) -> bool:
        return self.session.is_over and not self._is_busy and self._errands.empty()

    async def _work(self) -> None:
        while True:
            self._is_busy = False
            errand = await self._errands.get()
            self._is_busy = True
            try:
                await errand
            except Error as error:
                log.warning("a camera errand failed, the database is away", hub_id=self.hub_id, error=str(error))
            except Exception:  # this loop alone serves the home: an error of ours must not end it
                log.exception("a camera errand failed, the home goes on", hub_id=self.hub_id)

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Ends every connection; nobody is told."""
        self._worker.cancel()
        while not self._errands.empty():
            self._errands.get_nowait().close()
        peers = [view.peer for view in self.views.values() if view.peer]
        for peer in [*peers, *([self.publisher] if self.publisher else [])]:
            await peer.close()
        await self.talk.close()

    # -- effects

    async def do(self, effects: Iterable[core.Effect]) -> None:
        for effect in effects:
            match effect:
                case core.StartCamera(camera_id):
                    await self._start_camera(camera_id)
                case core.TellHub(camera_id, count):
                    await self.to_hub("stream.viewers", stream_id=camera_id, count=count)
                case core.StopCamera(camera_id):
                    await self.to_hub("stream.stop", stream_id=camera_id)
                    self.drop_publisher()
                case core.OfferViewer(stream_id):
                    await self._offer(stream_id)
                case core.EndViewer(stream_id, reason):
                    await self._end(stream_id, reason)
                case core.ShowViewers():
                    await self._show_viewers()

    async def _start_camera(self, camera_id: str) -> None:
        self.start_id = uuid.uuid4().hex
        servers = make_ice_servers(f"hub-{self.hub_id}")
        message = {"type": "stream.start", "id": self.start_id, "stream_id": camera_id, "ice_servers": servers}
        await self._send_to_hub(message)

    async def to_hub(self, kind: str, **fields: Any) -> None:
        await self._send_to_hub({"type": kind, "id": uuid.uuid4().hex, **fields})

    async def _send_to_hub(self, message: dict[str, Any]) -> None:
        try:
            await send_to_hub(self.hub_id, message)
        except RelayUnavailable as error:
            log.warning(
                "the hub is not told, Redis is away", hub_id=self.hub_id, type=message["type"], error=str(error)
            )

    async def _send(self, inbox: str, message: dict[str, Any]) -> None:
        """A connection is made and ended whether or not somebody can be told of it."""
        try:
            await send(inbox, message)
        except RelayUnavailable as error:
            log.warning("a web process is not told", hub_id=self.hub_id, type=message["type"], error=str(error))

    def drop_publisher(self) -> None:
        if self.publisher is not None:
            self.in_background(self.publisher.close())
        self.publisher, self.publisher_prefix = None, ""

    async def to_viewer(self, stream_id: str, kind: str, **fields: Any) -> None:
        view = self.views.get(stream_id)
        if view is not None:
            message = {"type": kind, "stream_id": stream_id, **fields}
            await self._send(view.inbox, {"type": "viewer.say", "stream_id": stream_id, "message": message})

    async def _offer(self, stream_id: str) -> None:
        view = self.views[stream_id]
        if view.peer is not None:
            self.in_background(view.peer.close())
        peer = view.peer = OutboundPeer(
            self.sources.values(),
            lambda: self.post(self._viewer_up(stream_id, peer)),
            lambda: self.post(self._viewer_over(stream_id, peer)),
        )
        if view.request.sdp is not None:
            await self._answer_viewer(view, peer, view.request.sdp)
            return
        await self.to_viewer(
            stream_id,
            "stream.offer",
            senior_id=self.senior_id,
            about=view.request.about,
            sdp=await peer.offer(),
            ice_servers=make_ice_servers(f"staff-{view.request.staff_id}"),
        )

    async def _answer_viewer(self, view: View, peer: OutboundPeer, sdp: str) -> None:
        """WHEP. A view whose offer cannot be used ends at once."""
        stream_id = view.request.stream_id
        try:
            answer = await peer.answer(sdp)
        except BadDescription as error:
            await self._send(view.inbox, {"type": "answered", "about": stream_id, "problem": str(error)})
            await self.do(self.session.leave(stream_id, self._now()))
            return
        await self._send(view.inbox, {"type": "answered", "about": stream_id, "sdp": answer})

    async def _end(self, stream_id: str, reason: core.EndReason) -> None:
        view = self.views.pop(stream_id, None)
        if view is None:
            return
        if view.peer is not None:
            self.in_background(view.peer.close())
        await self.talk.viewer_left(stream_id)
        log.info("view ended", hub_id=self.hub_id, staff_id=view.request.staff_id, reason=reason)
        message = {
            "type": "stream.ended",
            "stream_id": stream_id if view.peer is not None else None,
            "about": view.request.about,
            "reason": reason,
        }
        await self._send(view.inbox, {"type": "viewer.say", "stream_id": stream_id, "message": message})

    async def _show_viewers(self) -> None:
        for stream_id in tuple(self.session.viewers):
            await self.show_viewers(stream_id)

    async def show_viewers(self, stream_id: str) -> None:
        """To one viewer: who else looks, and how long this one may still."""
        viewers = [
            {"staff_id": viewer.staff_id, "full_name": viewer.full_name, "since": viewer.since}
            for viewer in self.session.viewers.values()
            if viewer.stream_id != stream_id
        ]
        viewer = self.session.viewers[stream_id]
        left = viewer.seconds_left if viewer.offered_at is None else max(0.0, viewer.ends_at - self._now())
        more = {"seconds_left": round(left), "can_prolong": not viewer.was_prolonged}
        await self.to_viewer(stream_id, "stream.viewers", viewers=viewers, **more)

    # -- viewers

    async def request(self, request: ViewRequest, inbox: str) -> None:
        if request.stream_id in self.views:
            return  # the same request sent again
        if self.session.camera in (core.Camera.JOINING, core.Camera.LIVE):
            hub_can: core.EndReason | None = None
        else:
            hub_can = await in_database_thread(read_hub_readiness, self.hub_id)
        viewer = core.Viewer(request.stream_id, request.staff_id, request.full_name, datetime.now(UTC).isoformat())
        if request.seconds_left is not None:
            viewer.seconds_left = request.seconds_left
        self.views[request.stream_id] = View(request, inbox)
        await self.do(self.session.request(viewer, self._now(), hub_can=hub_can))

    async def take_answer(self, stream_id: str, sdp: str) -> None:
        view = self.views.get(stream_id)
        if view is None or view.peer is None:
            return
        try:
            await view.peer.take_answer(sdp)
        except BadDescription as error:
            await self.to_viewer(stream_id, "error", code="bad_sdp", detail=str(error), about=None)

    async def take_candidate(self, stream_id: str, candidate: dict[str, Any] | None) -> None:
        view = self.views.get(stream_id)
        if view is not None and view.peer is not None:
            self.in_background(self._add_candidate(view.peer, candidate))

    async def _add_candidate(self, peer: InboundPeer | OutboundPeer, candidate: dict[str, Any] | None) -> None:
        """Apart from the errands: a name to be looked up (mDNS) takes a second."""
        try:
            await peer.add_candidate(candidate)
        except BadDescription as error:
            log.info("a candidate is passed over", hub_id=self.hub_id, error=str(error))

    async def _viewer_up(self, stream_id: str, peer: OutboundPeer) -> None:
        view = self.views.get(stream_id)
        if view is None or view.peer is not peer:
            return
        self.session.viewer_up(stream_id)
        if not view.was_live:
            view.was_live = True
            await self._send(view.inbox, {"type": "viewer.live", "stream_id": stream_id})

    async def _viewer_over(self, stream_id: str, peer: OutboundPeer) -> None:
        view = self.views.get(stream_id)
        if view is not None and view.peer is peer:
            await self.leave(stream_id)

    async def leave(self, stream_id: str, reason: core.EndReason = "stopped") -> None:
        await self.do(self.session.leave(stream_id, self._now(), reason))

    async def prolong(self, stream_id: str, about: str | None) -> None:
        if stream_id not in self.views:
            return
        if self.session.prolong(stream_id):
            await self.show_viewers(stream_id)
        else:
            await self.to_viewer(stream_id, "error", code="already_prolonged", detail="once is all", about=about)

    # -- the hub

    async def take_hub_offer(self, camera_id: str, sdp: str, prefix: str, about: str) -> None:
        if camera_id != self.session.camera_id:
            await self.to_hub("error", code="unknown_stream", detail="that camera session is over", about=about)
            return
        answer = await self._take_publisher(sdp, prefix)
        if isinstance(answer, BadDescription):
            await self.to_hub("error", code="bad_sdp", detail=str(answer), about=about)
            return
        await self.to_hub("stream.answer", stream_id=camera_id, sdp=answer)
        await self.do(self.session.hub_answered(self._now()))

    async def publish(self, camera_id: str, sdp: str, prefix: str, inbox: str) -> None:
        """WHIP: the hub begins by itself."""
        answer = await self._take_publisher(sdp, prefix)
        if isinstance(answer, BadDescription):
            await self._send(inbox, {"type": "answered", "about": camera_id, "problem": str(answer)})
            return
        await self._send(inbox, {"type": "answered", "about": camera_id, "sdp": answer})
        await self.do(self.session.hub_publishes(camera_id, self._now()))

    async def _take_publisher(self, sdp: str, prefix: str) -> str | BadDescription:
        """The answer to a hub's offer, whose connection takes the place of any earlier."""
        peer = InboundPeer(lambda: self.post(self._hub_up(peer)), lambda: self.post(self._hub_over(peer)))
        try:
            codecs = await peer.take_offer(sdp)
            if "video" not in codecs:
                raise BadDescription("the offer has no picture")
            kept = {kind: self.sources.get(kind) for kind in codecs}
            sources = {
                kind: source if (source := kept[kind]) and source.codec == codec else RelaySource(codec)
                for kind, codec in codecs.items()
            }
            answer = await peer.answer(sources.values())
        except BadDescription as error:
            self.in_background(peer.close())
            return error
        self.drop_publisher()
        changed = bool(self.sources) and sources != self.sources
        self.sources, self.publisher, self.publisher_prefix = sources, peer, prefix
        if changed:
            await self.do(self.session.reoffer(self._now()))
        return answer

    async def take_hub_candidate(self, camera_id: str, candidate: dict[str, Any] | None) -> None:
        if self.publisher is not None and camera_id == self.session.camera_id:
            self.in_background(self._add_candidate(self.publisher, candidate))

    async def _hub_up(self, peer: InboundPeer) -> None:
        if peer is self.publisher:
            self.session.hub_up(self._now())

    async def _hub_over(self, peer: InboundPeer) -> None:
        if peer is self.publisher:
            self.drop_publisher()
            await self.do(self.session.hub_over(self._now()))

    async def hub_refused(self, about: str) -> None:
        if about == self.start_id:
            await self.do(self.session.hub_refused(self.session.camera_id, self._now()))

    async def hub_came_back(self) -> None:
        await self.do(self.session.hub_came_back(self._now()))

    async def unpublish(self, camera_id: str, inbox: str) -> None:
        """WHIP's DELETE."""
        is_this = self.session.publishes_by_itself and camera_id == self.session.camera_id
        answer = {"sdp": ""} if is_this else {"problem": "there is no such publication"}
        if is_this:
            self.drop_publisher()
            await self.do(self.session.hub_over(self._now()))
        await self._send(inbox, {"type": "answered", "about": camera_id, **answer})

    # -- what is due, what is still allowed

    async def tick(self) -> None:
        picture = self.sources.get("video")
        silent_for = picture.silent_for() if picture is not None and self.publisher is not None else None
        await self.do(self.session.tick(self._now(), silent_for))

    async def judge(self, ended_session: str | None = None) -> None:
        """Looks at the rows: who may not look any more is cut, and so is a hub that may not publish."""
        views = [
            RunningView(stream_id, view.request.staff_id, view.request.break_glass)
            for stream_id, view in self.views.items()
        ]
        signed_out = [
            one for one, view in self.views.items() if ended_session and view.request.session == ended_session
        ]
        await self.do(self.session.dismiss(signed_out, self._now(), "revoked"))
        verdict = await in_database_thread(judge_home, self.hub_id, self.senior_id, self.publisher_prefix, views)
        for stream_id, reason in verdict.ended.items():
            await self.leave(stream_id, reason)
        if (verdict.hub_is_gone or verdict.key_is_dead) and self.publisher is not None:
            self.drop_publisher()
            await self.do(self.session.hub_over(self._now()))

    async def drop_inboxes(self, dead: set[str]) -> None:
        gone = [stream_id for stream_id, view in self.views.items() if view.inbox in dead]
        await self.do(self.session.dismiss(gone, self._now(), "stopped"))
