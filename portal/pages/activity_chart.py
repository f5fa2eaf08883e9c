"""The last hours of a home as lanes of marks over bands of what is usual: numbers for a template's SVG. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime, tzinfo

LABEL_WIDTH = 148
PLOT_WIDTH = 796
RIGHT = 16
LANE_HEIGHT = 30
TOP = 8
BOTTOM = 26
SLOT = timedelta(minutes=5)
HOUR_STEP = 3
SHOWN_SILENCE = timedelta(minutes=30)
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
class Band:
    """An hour of the lane; `strength` 1 to 4 by on how many of the last days something was heard in it."""

    x: int
    width: int
    strength: int


@dataclass(frozen=True)
class Lane:
    """One room, or one sensor: whatever `name` calls the same."""

    label: str
    sensor_ids: list[str]
    y: int
    bands: list[Band]
    marks: list[Mark]
    events: int
    last_at: datetime | None

    @property
    def strokes(self) -> list[tuple[int, str]]:
        """(strength, path) of the marks: one path a strength, since a busy day has hundreds of marks."""
        paths: dict[int, list[str]] = {}
        for mark in self.marks:
            paths.setdefault(mark.strength, []).append(f"M{mark.x} {self.y + 6}h{mark.width}v18h-{mark.width}z")
        return [(strength, "".join(parts)) for strength, parts in sorted(paths.items())]

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
    quiet_x: int | None = None
    """Where the silence that lasts until the end began; None while there is none worth showing."""

    @property
    def quiet_width(self) -> int:
        return self.right - (self.quiet_x or self.right)


def draw_lanes(
    events: Iterable[tuple[datetime, str, bool]],
    start: datetime,
    end: datetime,
    zone: tzinfo,
    *,
    name: Callable[[str], str] = str,
    usual: Mapping[str, Mapping[int, float]] | None = None,
    most_lanes: int = 24,
) -> Chart:
    """Lays out (timestamp, sensor_id, value) between `start` and `end`. Only events with value true are activity;
    `name` says what a sensor is called: sensors of one name share a lane. `usual[name][hour]` is the share of days on
    which that hour of the wall clock knows activity.

    Lanes are ordered by name; beyond `most_lanes` those that spoke least are left out.
    """
    slots: dict[str, dict[int, int]] = {lane: {} for lane in usual or {}}
    sensors: dict[str, set[str]] = {}
    last: dict[str, datetime] = {}
    for at, sensor_id, value in events:
        if not value or not start <= at <= end:
            continue
        slot, lane = int((at - start) / SLOT), name(sensor_id)
        counts = slots.setdefault(lane, {})
        counts[slot] = counts.get(slot, 0) + 1
        sensors.setdefault(lane, set()).add(sensor_id)
        last[lane] = max(at, last.get(lane, at))
    totals = {lane: sum(counts.values()) for lane, counts in slots.items()}
    kept = sorted(sorted(totals, key=lambda lane: -totals[lane])[:most_lanes])
    lanes = [
        Lane(
            _shorten(lane),
            sorted(sensors.get(lane, ())),
            TOP + row * LANE_HEIGHT,
            _place_bands((usual or {}).get(lane, {}), start, end, zone),
            _place_marks(slots[lane], start, end),
            totals[lane],
            last.get(lane),
        )
        for row, lane in enumerate(kept)
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
        quiet_x=_place_silence(max(last.values(), default=start), start, end),
    )


def _place_silence(since: datetime, start: datetime, end: datetime) -> int | None:
    return _place(since, start, end) if end - since >= SHOWN_SILENCE else None


def _place_marks(counts: dict[int, int], start: datetime, end: datetime) -> list[Mark]:
    width = max(2, int(PLOT_WIDTH * (SLOT / (end - start))))
    return [
        Mark(_place(start + slot * SLOT, start, end), width, min(4, 1 + count // 3), start + slot * SLOT, count)
        for slot, count in sorted(counts.items())
    ]


def _place_bands(shares: Mapping[int, float], start: datetime, end: datetime, zone: tzinfo) -> list[Band]:
    bands = []
    local = start.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    while local < end:
        strength = min(4, math.ceil(shares.get(local.hour, 0.0) * 4))
        if strength:
            x = _place(max(local, start), start, end)
            bands.append(Band(x, _place(min(local + timedelta(hours=1), end), start, end) - x, strength))
        local += timedelta(hours=1)
    return bands


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
