"""Shares by week as bars, with the line that telecare promises. Pure: numbers for a template's SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LEFT, TOP, HEIGHT, FOOT = 44, 10, 150, 24
WIDTH = 860
PROMISED = 0.975
"""Taken within a minute, as telecare associations promise it."""


class Share(float):
    """0..1, to be shown as percent."""


@dataclass(frozen=True)
class Bar:
    label: str
    minute: float | None
    three: float | None
    count: int


@dataclass(frozen=True)
class Column:
    bar: Bar
    x: int
    width: int
    minute_y: int
    minute_height: int
    three_y: int
    three_height: int

    @property
    def middle(self) -> int:
        return self.x + self.width // 2


@dataclass(frozen=True)
class Shares:
    width: int
    height: int
    left: int
    floor: int
    promised_y: int
    columns: list[Column]
    lines: list[tuple[int, int]]
    """(y, percent)."""


def draw_shares(bars: Sequence[Bar]) -> Shares:
    """The oldest on the left; the last thirteen."""
    shown = list(reversed(bars[:13]))
    floor = TOP + HEIGHT
    step = min(90, (WIDTH - LEFT) // max(1, len(shown)))

    def height(share: float | None) -> int:
        return round(HEIGHT * (share or 0.0))

    columns = [
        Column(
            bar,
            LEFT + place * step + 6,
            step - 12,
            floor - height(bar.minute),
            height(bar.minute),
            floor - height(bar.three),
            height(bar.three),
        )
        for place, bar in enumerate(shown)
    ]
    lines = [(floor - height(percent / 100), percent) for percent in (0, 25, 50, 75, 100)]
    return Shares(WIDTH, floor + FOOT, LEFT, floor, floor - height(PROMISED), columns, lines)
