"""The last hours of a home as lanes of marks, one lane a sensor: numbers for an SVG that a template draws. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime, tzinfo

LABEL_WIDTH = 148
PLOT_WIDTH = 796
RIGHT = 16
LANE_HEIGHT = 30
TOP = 8
BOTTOM = 26
SLOT = timedelta(minutes=5)
HOUR_STEP = 3
LABEL_CHARACTERS = 18


@dataclass(frozen=True)
class Mark:
    """A slot of five minutes in which the sensor spoke; `strength` 1 to 4 by how often."""

    x: int
    width: int
    strength: int
    at: datetime
    events: int


@dataclass(frozen=True)
class Lane:
    sensor_id: str
    label: str
    y: int
    marks: list[Mark]
    events: int
    last_at: datetime

    @property
    def middle(self) -> int:
        return self.y + LANE_HEIGHT // 2

    @property
    def floor(self) -> int:
        return self.y + LANE_HEIGHT


@dataclass(frozen=True)
class Tick:
    x: int
    at: datetime


@dataclass(frozen=True)
class Chart:
    width: int
    height: int
    left: int
    right: int
    foot: int
    lanes: list[Lane]
    ticks: list[Tick]
    events: int


def draw_lanes(
    events: Iterable[tuple[datetime, str, bool]],
    start: datetime,
    end: datetime,
    zone: tzinfo,
    *,
    name: Callable[[str], str] = str,
    most_lanes: int = 24,
) -> Chart:
    """Lays out (timestamp, sensor_id, value) between `start` and `end`. Only events with value true are activity;
    `name` says what a sensor is called.

    Lanes are ordered by name; beyond `most_lanes` those that spoke least are left out.
    """
    slots: dict[str, dict[int, int]] = {}
    last: dict[str, datetime] = {}
    for at, sensor_id, value in events:
        if not value or not start <= at <= end:
            continue
        slot = int((at - start) / SLOT)
        counts = slots.setdefault(sensor_id, {})
        counts[slot] = counts.get(slot, 0) + 1
        last[sensor_id] = max(at, last.get(sensor_id, at))
    totals = {sensor_id: sum(counts.values()) for sensor_id, counts in slots.items()}
    kept = sorted(sorted(totals, key=lambda sensor_id: -totals[sensor_id])[:most_lanes])
    lanes = [
        Lane(
            sensor_id,
            _shorten(name(sensor_id)),
            TOP + row * LANE_HEIGHT,
            _place_marks(slots[sensor_id], start, end),
            totals[sensor_id],
            last[sensor_id],
        )
        for row, sensor_id in enumerate(kept)
    ]
    foot = TOP + max(1, len(lanes)) * LANE_HEIGHT
    return Chart(
        width=LABEL_WIDTH + PLOT_WIDTH + RIGHT,
        height=foot + BOTTOM,
        left=LABEL_WIDTH,
        right=LABEL_WIDTH + PLOT_WIDTH,
        foot=foot,
        lanes=lanes,
        ticks=_place_ticks(start, end, zone),
        events=sum(totals.values()),
    )


def _place_marks(counts: dict[int, int], start: datetime, end: datetime) -> list[Mark]:
    width = max(2, int(PLOT_WIDTH * (SLOT / (end - start))))
    return [
        Mark(_place(start + slot * SLOT, start, end), width, min(4, 1 + count // 3), start + slot * SLOT, count)
        for slot, count in sorted(counts.items())
    ]


def _place_ticks(start: datetime, end: datetime, zone: tzinfo) -> list[Tick]:
    """Every third full hour of the local clock."""
    local = start.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    ticks = []
    while local <= end:
        if local >= start and local.hour % HOUR_STEP == 0:
            ticks.append(Tick(_place(local, start, end), local))
        local += timedelta(hours=1)
    return ticks


def _place(at: datetime, start: datetime, end: datetime) -> int:
    return LABEL_WIDTH + int(PLOT_WIDTH * ((at - start) / (end - start)))


def _shorten(sensor_id: str) -> str:
    return sensor_id if len(sensor_id) <= LABEL_CHARACTERS else sensor_id[: LABEL_CHARACTERS - 1] + "…"
