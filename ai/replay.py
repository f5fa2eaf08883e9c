"""What weights would have said about a home's past, by the code of the tick: the same tracks, the same judgement.

The past is cut into steps; at the end of each the home is judged as a tick would have judged it. A fall is replayed at
each daytime step at which somebody was about: from then on nothing is heard, and the question is when that rings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .detector import LEVELS, grade_scores
from .features import DAY, HOUR
from .habits import repeat_habits
from .judgement import find_alarms, judge
from .tracks import TRACK, empty_tracks, find_last, hear_life, take_in

if TYPE_CHECKING:
    from .features import Life, Seconds
    from .habits import Habits
    from .judgement import Judgement
    from .tracks import Tracks

STEP = 600.0
# Before the first judged step: what the tracks have to know.
WARM_UP_DAYS = 3
DAYTIME = (8 * HOUR, 21 * HOUR)
ABOUT_WITHIN = 0.5 * HOUR
WARNING = LEVELS.index("warning")


class Past(NamedTuple):
    """A home's tracks at n moments, local seconds, STEP apart but for what was left out."""

    moments: Seconds
    tracks: Tracks

    @property
    def weeks(self) -> float:
        return self.moments.size * STEP / (7 * DAY)


def trace_past(life: Life, start: float, end: float, excluded: Seconds | None = None) -> Past:
    """The home at each step from `start` on to `end`, without the steps in `excluded` spans (m, 2). Pure."""
    moments = np.arange(start, end, STEP)
    traced = np.zeros(moments.size, dtype=TRACK)
    present = empty_tracks(1)
    edges = np.searchsorted(life.times, moments, side="right")
    known = np.searchsorted(life.times, start - WARM_UP_DAYS * DAY)
    for step, edge in enumerate(edges.tolist()):
        if edge > known:
            take_in(present, hear_life(life.choose(np.arange(known, edge)), 0))
            known = edge
        traced[step] = present[0]
    kept = find_last(traced) > 0
    for first, last in excluded if excluded is not None else ():
        kept &= (moments < first) | (moments > last)
    return Past(moments[kept], traced[kept])


def judge_past(past: Past, habits: Habits) -> Judgement:
    """What is said of the home at each moment by one person's habits."""
    return judge(past.tracks, repeat_habits(habits, past.moments.size), past.moments)


def score_past(past: Past, habits: Habits) -> Seconds:
    """The emergency's score at each moment."""
    return judge_past(past, habits).score if past.moments.size else past.moments


def measure_replay(past: Past, habits: Habits) -> dict[str, Any]:
    """`weeks`, how many `alarms` and `soft_alarms` (one for each condition that rose so far), and the median
    `fall_hours`. JSON-ready; there must be moments."""
    said = judge_past(past, habits)
    levels = grade_scores(said.score)
    is_day = (past.moments % DAY >= DAYTIME[0]) & (past.moments % DAY <= DAYTIME[1])
    falls = np.flatnonzero(is_day & (past.moments - find_last(past.tracks) <= ABOUT_WITHIN))
    figures: dict[str, Any] = {
        "weeks": round(past.weeks, 2),
        "alarms": int(np.unique(said.since[levels > WARNING]).size),
        "soft_alarms": int(np.unique(said.since[levels >= WARNING]).size),
    }
    if falls.size:
        fallen, moments = past.tracks[falls], past.moments[falls]
        rings = find_alarms(fallen, repeat_habits(habits, falls.size), moments)
        figures["fall_hours"] = round(float(np.median(rings - moments)) / HOUR, 2)
    return figures
