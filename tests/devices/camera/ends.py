"""The two ends of the relay, played with aiortc: a hub that offers its camera and a viewer that keeps what it gets."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender, RTCSessionDescription
from aiortc.sdp import SessionDescription

from devices.camera import aiortc_seam
from devices.camera.frames import Codec, EncodedFrame, make_assembler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiortc import MediaStreamTrack


def connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


class CameraEnd:
    """Offers tracks of encoded packets, one codec each."""

    def __init__(self, *tracks: tuple[MediaStreamTrack, str]) -> None:
        self.peer = connection()
        self.key_requests = 0
        for track, mime_type in tracks:
            transceiver = self.peer.addTransceiver(track, "sendonly")
            wanted = RTCRtpSender.getCapabilities(track.kind).codecs
            transceiver.setCodecPreferences(
                [one for one in wanted if one.mimeType == mime_type or one.mimeType == "video/rtx"]
            )
            aiortc_seam.hear_lost_pictures(transceiver.sender, self._count)

    def _count(self) -> None:
        self.key_requests += 1

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def take_answer(self, sdp: str) -> None:
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))


class ViewerEnd:
    """Answers the relay's offer and keeps each frame with its arrival."""

    def __init__(self) -> None:
        self.peer = connection()
        self.frames: dict[str, list[tuple[float, EncodedFrame]]] = {"video": [], "audio": []}
        self.receivers: dict[str, tuple[RTCRtpReceiver, int]] = {}
        self._news = asyncio.Event()

    async def answer(self, sdp: str) -> str:
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        answer = await self.peer.createAnswer()
        parts = {part.kind: part for part in SessionDescription.parse(answer.sdp).media}
        for transceiver in self.peer.getTransceivers():
            first = parts[transceiver.kind].rtp.codecs[0]
            self._keep(transceiver.receiver, Codec(first.mimeType, first.clockRate))
        await self.peer.setLocalDescription(answer)
        return self.peer.localDescription.sdp

    def _keep(self, receiver: RTCRtpReceiver, codec: Codec) -> None:
        def keep(frame: EncodedFrame) -> None:
            self.frames[codec.kind].append((time.monotonic(), frame))
            self._news.set()

        aiortc_seam.take_packets(receiver, make_assembler(codec, keep, time.monotonic))

    async def has(self, count: int, kind: str = "video", within_s: float = 20.0) -> Sequence[EncodedFrame]:
        """The first `count` frames, once they are there."""
        async with asyncio.timeout(within_s):
            while len(self.frames[kind]) < count:
                self._news.clear()
                await self._news.wait()
        return [frame for _, frame in self.frames[kind][:count]]
