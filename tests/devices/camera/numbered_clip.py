"""A clip whose every frame carries its number, as sixteen black or white blocks along its top."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

BITS = 16
GRAIN = 8  # pixels: fine enough to cost the bit rate that is asked for
FPS = 25
FORMATS: dict[str, tuple[str, str, dict[str, str]]] = {
    "video/H264": ("mp4", "libx264", {"profile": "baseline", "preset": "veryfast", "tune": "zerolatency"}),
    "video/VP8": ("webm", "libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
}


def write_clip(
    folder: Path, mime_type: str, *, seconds: int = 8, width: int = 640, height: int = 360, bit_rate: int = 800_000
) -> Path:
    """A file of that codec, a key frame each two seconds, no B-frames."""
    kind, encoder, options = FORMATS[mime_type]
    path = folder / f"clip-{width}.{kind}"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(encoder, rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        stream.codec_context.gop_size = 2 * FPS
        stream.codec_context.bit_rate = bit_rate
        scenery = np.random.default_rng(1).integers(60, 180, (height, width * 2, 3), np.uint8)
        scenery = np.repeat(np.repeat(scenery[::GRAIN, ::GRAIN], GRAIN, 0), GRAIN, 1)
        for number in range(seconds * FPS):
            frame = av.VideoFrame.from_ndarray(draw(number, scenery, width, height), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def draw(number: int, scenery: np.ndarray[Any, Any], width: int, height: int) -> np.ndarray[Any, Any]:
    shift = number * 4 % width
    picture = np.ascontiguousarray(scenery[:height, shift : shift + width])
    block = width // BITS
    for bit in range(BITS):
        picture[:block, bit * block : (bit + 1) * block] = 255 if number >> bit & 1 else 0
    return picture


# what a page runs to read the number of the frame that it shows
READ_NUMBER = """(video) => {
  const canvas = document.createElement("canvas");
  const bits = 16, block = Math.floor(video.videoWidth / bits);
  canvas.width = video.videoWidth; canvas.height = block;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0);
  let number = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const [red] = context.getImageData(bit * block + block / 2, block / 2, 1, 1).data;
    if (red > 128) number |= 1 << bit;
  }
  return number;
}"""
