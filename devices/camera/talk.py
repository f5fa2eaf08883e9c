"""Push to talk: one caseworker's microphone, passed on to the hub of the home whose camera they see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.conf import settings

from .peers import BadDescription, InboundPeer, OutboundPeer
from .source import RelaySource

if TYPE_CHECKING:
    from .home import Home

log = structlog.get_logger(__name__)


def nothing() -> None:
    """A talk's connections are watched by whoever talks: they hear no answer, and let the button go."""


class Talk:
    def __init__(self, home: Home) -> None:
        self._home = home
        self._speaker: str | None = None
        self._camera_id = ""
        self._microphone: InboundPeer | None = None
        self._loudspeaker: OutboundPeer | None = None

    async def start(self, stream_id: str, sdp: str, about: str | None) -> None:
        """`sdp` offers one audio, send only, with all its candidates."""
        home = self._home
        if not settings.TALK_ENABLED:
            await home.to_viewer(stream_id, "error", code="talk_disabled", detail="speaking is off here", about=about)
            return
        if self._speaker not in (None, stream_id):
            await home.to_viewer(stream_id, "error", code="talk_busy", detail="somebody else speaks", about=about)
            return
        await self.stop(stream_id)
        microphone = InboundPeer(nothing, nothing)
        try:
            codecs = await microphone.take_offer(sdp)
            if set(codecs) != {"audio"}:
                raise BadDescription("offer one audio, send only")
            source = RelaySource(codecs["audio"])
            answer = await microphone.answer([source])
        except BadDescription as error:
            await microphone.close()
            await home.to_viewer(stream_id, "error", code="bad_sdp", detail=str(error), about=about)
            return
        self._speaker, self._camera_id, self._microphone = stream_id, home.session.camera_id, microphone
        self._loudspeaker = OutboundPeer([source], nothing, nothing)
        await home.to_hub("talk.start", stream_id=self._camera_id, sdp=await self._loudspeaker.offer())
        await home.to_viewer(stream_id, "talk.ready", sdp=answer)
        log.info("talk begins", hub_id=home.hub_id, stream_id=stream_id)

    async def hub_ready(self, camera_id: str, sdp: str) -> None:
        if self._loudspeaker is None or camera_id != self._camera_id:
            return
        try:
            await self._loudspeaker.take_answer(sdp)
        except BadDescription as error:
            log.warning("the hub's answer to a talk cannot be used", hub_id=self._home.hub_id, error=str(error))

    async def stop(self, stream_id: str) -> None:
        if self._speaker != stream_id:
            return
        await self._home.to_hub("talk.stop", stream_id=self._camera_id)
        log.info("talk ends", hub_id=self._home.hub_id, stream_id=stream_id)
        await self.close()

    async def viewer_left(self, stream_id: str) -> None:
        await self.stop(stream_id)

    async def close(self) -> None:
        self._speaker = None
        for peer in (self._microphone, self._loudspeaker):
            if peer is not None:
                await peer.close()
        self._microphone = self._loudspeaker = None
