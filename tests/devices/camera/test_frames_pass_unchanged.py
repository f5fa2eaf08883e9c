"""What the hub encoded is what the viewer gets: byte for byte, through real connections."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import pytest
from aiortc import MediaStreamTrack

from devices.camera import aiortc_seam
from devices.camera.peers import InboundPeer, OutboundPeer
from devices.camera.source import RelaySource
from tests.devices.camera.clips import ClipTrack, as_received, make_clip
from tests.devices.camera.ends import CameraEnd, ViewerEnd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def nothing() -> None: ...


@asynccontextmanager
async def relayed(camera: CameraEnd, viewers: int = 1) -> AsyncIterator[tuple[dict[str, RelaySource], list[ViewerEnd]]]:
    """A hub, the relay's two connections for each viewer, and the viewers."""
    inbound = InboundPeer(nothing, nothing)
    codecs = await inbound.take_offer(await camera.offer())
    sources = {kind: RelaySource(codec) for kind, codec in codecs.items()}
    await camera.take_answer(await inbound.answer(sources.values()))
    pairs = [(OutboundPeer(sources.values(), nothing, nothing), ViewerEnd()) for _ in range(viewers)]
    for outbound, viewer in pairs:
        await outbound.take_answer(await viewer.answer(await outbound.offer()))
    yield sources, [viewer for _, viewer in pairs]
    for outbound, viewer in pairs:
        await outbound.close()
        await viewer.peer.close()
    await inbound.close()
    await camera.peer.close()


def test_the_names_inside_aiortc_are_what_the_relay_takes_them_for() -> None:
    aiortc_seam.check_seam()


@pytest.mark.parametrize("mime_type", ["video/H264", "video/VP8"])
async def test_every_viewer_gets_the_camera_s_own_bytes(mime_type: str) -> None:
    track = ClipTrack(make_clip(mime_type))
    async with relayed(CameraEnd((track, mime_type)), viewers=3) as (sources, viewers):
        codec = sources["video"].codec
        assert codec.mime_type == mime_type
        for viewer in viewers:
            frames = await viewer.has(40)
            sent = [as_received(codec, frame) for frame in track.sent]
            first = sent.index(frames[0].data)
            assert [frame.data for frame in frames] == sent[first : first + 40]
            assert frames[0].is_key
            steps = {later.timestamp - earlier.timestamp for earlier, later in pairwise(frames)}
            assert steps == {3600}


class Beeps(MediaStreamTrack):
    """Packets of sound, as an encoder made them."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    async def recv(self) -> av.Packet[Any]:
        await asyncio.sleep(0.02)
        packet = av.Packet(b"\xf8" + self.number.to_bytes(4, "big"))
        packet.pts, packet.time_base = self.number * 960, Fraction(1, 48_000)
        self.number += 1
        return packet


async def test_sound_goes_along_when_the_hub_sends_it() -> None:
    camera = CameraEnd((ClipTrack(make_clip("video/VP8")), "video/VP8"), (Beeps(), "audio/opus"))
    async with relayed(camera) as (sources, (viewer,)):
        assert sources["audio"].codec.mime_type == "audio/opus"
        sound = await viewer.has(20, "audio")
        await viewer.has(20)
        numbers = [int.from_bytes(frame.data[1:], "big") for frame in sound]
        assert numbers == list(range(numbers[0], numbers[0] + 20))
