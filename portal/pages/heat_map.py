"""Two weeks of a home, hour by hour, as numbers for an SVG, and what of it is usual. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime, tzinfo

DAYS = 14
HOURS = 24
LEFT, TOP = 104, 26
CELL_WIDTH, CELL_HEIGHT, GAP = 34, 22, 3
STRENGTHS = (0, 4, 12, 30)
"""Events in an hour beyond which a cell is of the next strength."""


@dataclass(frozen=True)
class Cell:
    """`strength` 0 (nothing was heard) to 4; None for an hour that is still to come."""

    x: int
    hour: int
    events: int
    strength: int | None


@dataclass(frozen=True)
class Day:
    day: date
    y: int
    cells: list[Cell]
    is_weekend: bool

    @property
    def events(self) -> int:
        return sum(cell.events for cell in self.cells)

    @property
    def middle(self) -> int:
        return self.y + CELL_HEIGHT // 2 + 4


@dataclass(frozen=True)
class HeatMap:
    width: int
    height: int
    cell_width: int
    cell_height: int
    days: list[Day]
    hours: list[tuple[int, int]]
    """(x, hour) of the labels above."""
    events: int


def draw_heat_map(rows: Iterable[tuple[datetime, str, int]], now: datetime, zone: tzinfo) -> HeatMap:
    """From (hour, sensor_id, events) to the last 14 days in local time, the oldest first, today last."""
    local_now = now.astimezone(zone)
    counts: dict[tuple[date, int], int] = defaultdict(int)
    for bucket, _sensor, events in rows:
        local = bucket.astimezone(zone)
        counts[local.date(), local.hour] += events
    days = []
    for row in range(DAYS):
        day = local_now.date() - timedelta(days=DAYS - 1 - row)
        cells = [_make_cell(counts, day, hour, local_now) for hour in range(HOURS)]
        days.append(Day(day, TOP + row * (CELL_HEIGHT + GAP), cells, day.weekday() >= 5))
    return HeatMap(
        width=LEFT + HOURS * (CELL_WIDTH + GAP),
        height=TOP + DAYS * (CELL_HEIGHT + GAP),
        cell_width=CELL_WIDTH,
        cell_height=CELL_HEIGHT,
        days=days,
        hours=[(_place(hour), hour) for hour in range(0, HOURS, 3)],
        events=sum(day.events for day in days),
    )


def find_usual(
    rows: Iterable[tuple[datetime, str, int]], today: date, zone: tzinfo, name: Callable[[str], str]
) -> dict[str, dict[int, float]]:
    """For what `name` calls a room: hour of the day -> share of the days before today on which it was heard then.

    Only days on which the home said anything at all count.
    """
    heard: dict[str, dict[int, set[date]]] = defaultdict(lambda: defaultdict(set))
    known: set[date] = set()
    for bucket, sensor_id, events in rows:
        local = bucket.astimezone(zone)
        if events and local.date() < today:
            heard[name(sensor_id)][local.hour].add(local.date())
            known.add(local.date())
    return {room: {hour: len(days) / len(known) for hour, days in hours.items()} for room, hours in heard.items()}


def _make_cell(counts: dict[tuple[date, int], int], day: date, hour: int, now: datetime) -> Cell:
    events = counts.get((day, hour), 0)
    is_future = (day, hour) > (now.date(), now.hour)
    strength = None if is_future else sum(events > limit for limit in STRENGTHS)
    return Cell(_place(hour), hour, events, strength)


def _place(hour: int) -> int:
    return LEFT + hour * (CELL_WIDTH + GAP)
