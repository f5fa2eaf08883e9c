"""Clips made on the spot, and a camera that plays them packet by packet, as a hub does."""

from __future__ import annotations

import asyncio
from collections import deque
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from aiortc import MediaStreamTrack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devices.camera.frames import Codec

FPS = 25
TICKS = 90_000 // FPS
ENCODERS = {"video/H264": "libx264", "video/VP8": "libvpx"}
OPTIONS = {
    "video/H264": {"profile": "baseline", "preset": "ultrafast", "tune": "zerolatency"},
    "video/VP8": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
}


@cache
def make_clip(mime_type: str, frames: int = 50, group: int = 25, width: int = 320, height: int = 240) -> list[bytes]:
    """Encoded frames of a moving picture, a key frame each `group`; H.264 in Annex B form with its parameter sets."""
    encoder: Any = av.CodecContext.create(ENCODERS[mime_type], "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FPS), Fraction(1, FPS)
    encoder.gop_size = group
    encoder.bit_rate = 600_000
    encoder.options = {**OPTIONS[mime_type], "x264-params": f"keyint={group}:min-keyint={group}:scenecut=0"}
    if mime_type != "video/H264":
        encoder.options = OPTIONS[mime_type]
    packets = []
    for number in range(frames):
        picture = np.zeros((height, width, 3), np.uint8)
        picture[:, (number * 7) % width :] = (number % 255, 90, 200)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = number
        packets += encoder.encode(frame)
    return [bytes(packet) for packet in packets + encoder.encode(None)]


class ClipTrack(MediaStreamTrack):
    """Plays encoded frames over and over at their speed. What was sent lately is in `sent`."""

    kind = "video"

    def __init__(self, clip: Sequence[bytes], *, first: int = 0, time_base: Fraction = Fraction(1, 90_000)) -> None:
        super().__init__()
        self._clip, self._time_base = clip, time_base
        self._number = first
        self._began: float | None = None
        self.sent: deque[bytes] = deque(maxlen=1000)

    async def recv(self) -> av.Packet[Any]:
        loop = asyncio.get_running_loop()
        if self._began is None:
            self._began = loop.time() - self._number / FPS
        await asyncio.sleep(max(0.0, self._began + self._number / FPS - loop.time()))
        packet = av.Packet(self._clip[self._number % len(self._clip)])
        packet.pts, packet.time_base = self._number * TICKS, self._time_base
        self._number += 1
        self.sent.append(bytes(packet))
        return packet


def with_long_start_codes(frame: bytes) -> bytes:
    """H.264 as it comes out of RTP: each NAL unit behind a start code of four bytes."""
    units = [unit.rstrip(b"\0") for unit in frame.split(b"\0\0\1")]
    return b"".join(b"\0\0\0\1" + unit for unit in units if unit)


def as_received(codec: Codec, frame: bytes) -> bytes:
    return with_long_start_codes(frame) if codec.mime_type == "video/H264" else frame
