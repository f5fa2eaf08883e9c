"""A short film of a room that does not exist, for the demo's camera: drawn here, nobody was filmed."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, HEIGHT, FPS, SECONDS = 640, 360, 15, 12
WALL, FLOOR, SKY, FRAME = (214, 205, 190), (150, 112, 80), (150, 190, 225), (245, 245, 240)
SOFA, RUG, HAIR, SKIN, CLOTHES = (90, 104, 120), (180, 140, 110), (190, 190, 190), (226, 186, 160), (150, 80, 90)

Picture = np.ndarray[Any, np.dtype[np.uint8]]


def write_room_clip(path: Path) -> None:
    """H.264 without B-frames, a key frame each second: somebody lies on the floor and moves an arm a little."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        options = {"profile": "baseline", "preset": "veryfast", "tune": "zerolatency"}
        stream: Any = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        stream.codec_context.gop_size = FPS
        for number in range(FPS * SECONDS):
            frame = av.VideoFrame.from_ndarray(draw_room(number / FPS), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def draw_room(second: float) -> Picture:
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:] = WALL
    picture[215:] = FLOOR
    fill(picture, 60, 40, 170, 110, FRAME)
    fill(picture, 68, 48, 154, 94, SKY)
    cloud = int(70 + second * 10 % 120)
    fill(picture, cloud, 66, 24, 10, FRAME)
    fill(picture, 380, 130, 200, 90, SOFA)
    fill(picture, 370, 170, 20, 70, SOFA)
    disc(picture, 300, 300, 210, 44, RUG)
    breath = 2 * np.sin(second * 1.6)
    disc(picture, 300, 292, 78, 20 + breath, CLOTHES)
    disc(picture, 205, 288, 22, 20, SKIN)
    disc(picture, 196, 282, 22, 17, HAIR)
    reach = 26 * max(0.0, np.sin(second * np.pi / 3))
    disc(picture, 262, 270 - reach / 2, 12, 18 + reach / 2, SKIN)
    hand = int(30 * (second % SECONDS) / SECONDS)
    fill(picture, 590, 50 + hand, 6, 30, SOFA)  # the weight of a clock goes down
    return picture


def fill(picture: Picture, x: int, y: int, width: int, height: int, colour: tuple[int, int, int]) -> None:
    picture[y : y + height, x : x + width] = colour


def disc(picture: Picture, x: float, y: float, across: float, down: float, colour: tuple[int, int, int]) -> None:
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    picture[((columns - x) / across) ** 2 + ((rows - y) / down) ** 2 <= 1] = colour
