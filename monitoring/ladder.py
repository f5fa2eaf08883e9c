"""The ladder of an emergency that nobody has taken: who hears of it next, and when. Pure."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from .ladder_limits import LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Rung(IntEnum):
    CASEWORKERS = 0
    FIRST = 1  # on duty
    SECOND = 2  # on duty behind them, half-way to the supervisors
    SUPERVISORS = 3
    EVERYBODY = 4


class Times(NamedTuple):
    """Seconds: of a delivery until the person's next channel, and from the raising until each rung."""

    next_channel_s: int
    first_s: int
    second_s: int
    supervisors_s: int
    repeat_s: int


class Step(NamedTuple):
    rung: Rung
    wait_s: int


def times_for(severity: str, policies: Iterable[Mapping[str, int | None]] = ()) -> Times:
    """The usual times of that severity, each shortened by whichever policy wants it soonest. None longer than usual."""
    chosen = list(policies)

    def soonest(column: str) -> int:
        wanted = (value for policy in chosen if (value := policy.get(column)) is not None)
        return min([LIMITS[column], *wanted])

    prefix = "medium_" if severity == "medium" else ""
    supervisors_s = soonest(f"{prefix}supervisors_s")
    first_s = min(soonest(f"{prefix}first_s"), supervisors_s)
    return Times(soonest("next_channel_s"), first_s, (first_s + supervisors_s) // 2, supervisors_s, soonest("repeat_s"))


def next_step(times: Times, rung: int) -> Step:
    """The rung after `rung`, and how long after `rung` was stepped on it is due. The last one comes again and again."""
    if rung < Rung.FIRST:
        return Step(Rung.FIRST, times.first_s)
    if rung < Rung.SECOND:
        return Step(Rung.SECOND, times.second_s - times.first_s)
    if rung < Rung.SUPERVISORS:
        return Step(Rung.SUPERVISORS, times.supervisors_s - times.second_s)
    return Step(Rung.EVERYBODY, times.repeat_s)
