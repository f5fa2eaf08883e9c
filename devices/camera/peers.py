"""The relay's connections: one takes media in, one gives it out. Over aiortc; the caller owns sources and time-outs."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender, RTCSessionDescription
from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.sdp import SessionDescription, candidate_from_sdp

from . import aiortc_seam
from .frames import Codec, make_assembler
from .subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiortc.rtcrtpparameters import RTCRtpCodecCapability
    from aiortc.sdp import MediaDescription

    from .frames import EncodedFrame
    from .source import RelaySource

# what aiortc raises at descriptions and candidates of strangers: it parses them with assertions and indexing too
MISFITS = (
    ValueError, TypeError, LookupError, AttributeError, AssertionError,
    InternalError, InvalidAccessError, InvalidStateError, OperationError,
)  # fmt: skip
MAX_CANDIDATES = 60
MAX_SDP = 60_000


class BadDescription(Exception):
    """The other end's SDP or candidate cannot be used; the text says why. Another one may be."""


class Peer:
    """A connection that tells once when it is up and once when it is over. Never gathers from a STUN server."""

    def __init__(self, on_up: Callable[[], None], on_over: Callable[[], None]) -> None:
        self._on_up, self._on_over = on_up, on_over
        self._is_over = False
        self._candidates = 0
        self._is_described = False
        self._early: list[dict[str, Any] | None] = []
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._connection.on("connectionstatechange", self._hear_state)

    @property
    def is_up(self) -> bool:
        return self._connection.connectionState == "connected"

    def _hear_state(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self._on_up()
        elif state in ("failed", "closed") and not self._is_over:
            self._is_over = True
            self._on_over()

    async def add_candidate(self, candidate: dict[str, Any] | None) -> None:
        """As browsers write it ({candidate, sdpMid, sdpMLineIndex}); None at the end. Raises BadDescription."""
        self._candidates += 1
        if self._candidates > MAX_CANDIDATES:
            raise BadDescription(f"more than {MAX_CANDIDATES} candidates")
        if not self._is_described:
            self._early.append(candidate)  # it overtook its description
            return
        text = candidate["candidate"] if candidate else ""
        try:
            if candidate is None or not text:
                await self._connection.addIceCandidate(None)
                return
            parsed = candidate_from_sdp(text.removeprefix("a=").removeprefix("candidate:"))
            parsed.sdpMid, parsed.sdpMLineIndex = candidate["sdpMid"], candidate["sdpMLineIndex"]
            await self._connection.addIceCandidate(parsed)
        except MISFITS as error:
            raise BadDescription(f"not a usable candidate: {error}") from error

    async def _take(self, kind: str, sdp: str) -> None:
        if len(sdp) > MAX_SDP:
            raise BadDescription(f"an SDP may have {MAX_SDP} characters")
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type=kind))
        except MISFITS as error:
            raise BadDescription(f"not a usable {kind}: {error}") from error
        self._is_described = True
        early, self._early = self._early, []
        self._candidates -= len(early)
        for candidate in early:
            with suppress(BadDescription):
                await self.add_candidate(candidate)

    async def close(self) -> None:
        self._is_over = True
        await self._connection.close()


class InboundPeer(Peer):
    """Takes media of somebody who offers it: a hub's camera, a caseworker's microphone."""

    def __init__(self, on_up: Callable[[], None], on_over: Callable[[], None]) -> None:
        super().__init__(on_up, on_over)
        self._answer: RTCSessionDescription | None = None
        self._fed: list[RelaySource] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def take_offer(self, sdp: str) -> dict[str, Codec]:
        """What is offered and can be passed on, by kind: `video`, `audio`. Raises BadDescription."""
        await self._take("offer", sdp)
        try:
            self._answer = await self._connection.createAnswer()
            media = SessionDescription.parse(self._answer.sdp).media
        except MISFITS as error:
            raise BadDescription(f"not a usable offer: {error}") from error
        kinds = [part.kind for part in media]
        if len(set(kinds)) != len(kinds) or not set(kinds) <= {"video", "audio"}:
            raise BadDescription("offer at most one video and one audio, and nothing else")
        codecs = {part.kind: codec for part in media if part.direction == "recvonly" and (codec := codec_of(part))}
        if not codecs:
            raise BadDescription("the offer sends nothing that can be passed on (H.264, VP8, Opus)")
        return codecs

    async def answer(self, sources: Iterable[RelaySource]) -> str:
        """Answers the offer that was taken; what comes goes to the source of its kind. Raises BadDescription."""
        by_kind = {source.codec.kind: source for source in sources}
        for transceiver in self._connection.getTransceivers():
            source = by_kind.get("video" if transceiver.kind == "video" else "audio")
            if source is not None:
                self._feed(transceiver.receiver, source)
        try:
            await self._connection.setLocalDescription(self._answer)
        except MISFITS as error:
            raise BadDescription(f"not a usable offer: {error}") from error
        return self._connection.localDescription.sdp

    def _feed(self, receiver: RTCRtpReceiver, source: RelaySource) -> None:
        def deal(frame: EncodedFrame) -> None:
            if source.is_fed_by(self):
                source.push(frame)

        assembler = make_assembler(source.codec, deal, time.monotonic)
        aiortc_seam.take_packets(receiver, assembler)

        def ask() -> None:
            if assembler.ssrc is not None and not self._is_over:
                task = asyncio.create_task(aiortc_seam.ask_for_key_frame(receiver, assembler.ssrc))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        source.attach(self, ask)
        self._fed.append(source)

    async def close(self) -> None:
        for source in self._fed:
            source.detach(self)
        await super().close()


class OutboundPeer(Peer):
    """Gives sources to one who looks or listens."""

    def __init__(self, sources: Iterable[RelaySource], on_up: Callable[[], None], on_over: Callable[[], None]) -> None:
        super().__init__(on_up, on_over)
        self._subscriptions = [
            self._add(source) for source in sorted(sources, key=lambda one: one.codec.kind != "video")
        ]

    def _add(self, source: RelaySource) -> Subscription:
        subscription = Subscription(source)
        transceiver = self._connection.addTransceiver(subscription, "sendonly")
        # the sender packs for the first codec agreed on: it must be the source's
        transceiver.setCodecPreferences(find_capabilities(source.codec))
        aiortc_seam.share_packing(transceiver.sender, source.packer)
        aiortc_seam.hear_lost_pictures(transceiver.sender, subscription.request_key_frame)
        return subscription

    @property
    def frames_sent(self) -> int:
        return max(subscription.sent for subscription in self._subscriptions)

    async def offer(self) -> str:
        await self._connection.setLocalDescription(await self._connection.createOffer())
        return self._connection.localDescription.sdp

    async def take_answer(self, sdp: str) -> None:
        """Raises BadDescription."""
        await self._take("answer", sdp)

    async def answer(self, sdp: str) -> str:
        """The other way round, as WHEP has it: the viewer offers. Raises BadDescription."""
        await self._take("offer", sdp)
        try:
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except MISFITS as error:
            raise BadDescription(f"not a usable offer: {error}") from error
        return self._connection.localDescription.sdp

    async def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.stop()
        await super().close()


def codec_of(media: MediaDescription) -> Codec | None:
    """What is sent by this part of an answer: its first codec that is no retransmission."""
    for codec in media.rtp.codecs:
        if codec.name.lower() not in ("rtx", "red", "ulpfec"):
            return Codec(codec.mimeType, codec.clockRate)
    return None


def find_capabilities(codec: Codec) -> list[RTCRtpCodecCapability]:
    wanted = {codec.mime_type.lower(), "video/rtx"} if codec.kind == "video" else {codec.mime_type.lower()}
    return [one for one in RTCRtpSender.getCapabilities(codec.kind).codecs if one.mimeType.lower() in wanted]
