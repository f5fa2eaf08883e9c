"""Which sensors of a home are dead or chatter, judged by each sensor's own habit. Pure: counts in, verdicts out.

Everything is counted in hours since 1970 (UTC) and events in them, over at most HISTORY_HOURS.

A sensor's silence is measured in hours in which *others* of the home reported. So a person who is away or lies still,
a hub without a line and a restart of ours all age no sensor: what is silent then is the home. A sensor is dead when it
has missed 3 times as many such hours as it ever did before, and 24 at least: a rarely opened door has a long habit, a
bed a short one. It chatters when an hour has 10 times the events of its usual (median) hour, and 240 at least; the
median keeps hours of chatter out of the habit until they are the half of it.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from numpy.typing import ArrayLike, NDArray

HISTORY_HOURS = 28 * 24
KNOWN_FROM_HOURS = 20  # active hours from which on a sensor has a habit
DEAD_TIMES = 3
DEAD_LEAST_HOURS = 24
CHATTER_TIMES = 10
CHATTER_LEAST_EVENTS = 240
CHATTER_STRANGE_EVENTS = 1000  # of a sensor that has no habit yet


class Health(StrEnum):
    GOOD = "good"
    DEAD = "dead"
    CHATTERING = "chattering"


class Verdict(NamedTuple):
    """`amount` is against `limit`: missed hours of a dead sensor, events in an hour of a chattering one."""

    health: Health
    amount: int
    limit: int


def find_dead_limit(longest: ArrayLike, least: float) -> NDArray[np.float64]:
    """How much of the others' activity a sensor may miss, counted in whatever `longest`, its own record, is counted in.

    Shape of `longest`. The fault judge counts hours, the detector bins of five minutes.
    """
    return np.maximum(least, DEAD_TIMES * np.asarray(longest, dtype=np.float64))


def judge_sensors(hours: Mapping[str, Mapping[int, int]], hour: int) -> dict[str, Verdict]:
    """The verdict on each sensor of one home at `hour`, by its events in each hour (`hours[sensor][hour] = events`).

    The present hour counts as far as it has come. A sensor without events in the history has no verdict: after four
    weeks it is no part of the home any more.
    """
    chatter = {sensor: verdict for sensor in hours if (verdict := _judge_chatter(hours[sensor], hour))}
    # what a chattering sensor says is no proof that somebody is up
    trusted = {sensor: set(counts) for sensor, counts in hours.items() if sensor not in chatter}
    return {
        sensor: chatter.get(sensor) or _judge_silence(set(counts), _others(trusted, sensor), hour)
        for sensor, counts in hours.items()
        if counts
    }


def _judge_chatter(counts: Mapping[int, int], hour: int) -> Verdict | None:
    """By the present and the last whole hour; None when neither is beyond the limit."""
    past = [events for at, events in counts.items() if at < hour - 1]
    if len(past) >= KNOWN_FROM_HOURS:
        limit = max(CHATTER_LEAST_EVENTS, round(CHATTER_TIMES * median(past)))
    else:
        limit = CHATTER_STRANGE_EVENTS
    most = max(counts.get(hour, 0), counts.get(hour - 1, 0))
    return Verdict(Health.CHATTERING, most, limit) if most > limit else None


def _judge_silence(active: Set[int], others: list[int], hour: int) -> Verdict:
    """`others` are the hours, in order, in which other sensors reported. The present hour is not missed yet."""
    moments = sorted(active)
    if not moments:
        return Verdict(Health.GOOD, 0, DEAD_LEAST_HOURS)
    gaps = [_count_between(others, one, next_one) for one, next_one in pairwise(moments)]
    limit = int(find_dead_limit(max(gaps, default=0), DEAD_LEAST_HOURS))
    missed = _count_between(others, moments[-1], hour)
    is_dead = len(moments) >= KNOWN_FROM_HOURS and missed > limit
    return Verdict(Health.DEAD if is_dead else Health.GOOD, missed, limit)


def _others(trusted: Mapping[str, Set[int]], sensor: str) -> list[int]:
    return sorted(set[int]().union(*(active for name, active in trusted.items() if name != sensor)))


def _count_between(hours: list[int], after: int, before: int) -> int:
    """How many of the ordered `hours` lie strictly between the two."""
    return max(0, bisect_right(hours, before - 1) - bisect_right(hours, after))
