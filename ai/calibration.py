"""How far beyond the usual an emergency begins, so that false ones stay within a budget.

Every tenth of the days is held out once; the habits of the others score its silences. The exceedances of the highest
scores over the level that is passed twice a week are exponential in the logarithm (a Pareto tail: peaks over a
threshold, Pickands 1975), so the level passed `budget` times a week lies `tail * ln(2 / budget)` above.

A fortnight has four such peaks. Level and tail therefore lean on a population: the level as if `PRIOR_PEAKS` peaks of
others were seen too, the tail wholly. The population are the residents of our own generator, no real person.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .detector import score_silences
from .features import DAY, HOUR, Life, count_days, list_silences
from .habits import learn_habits, measure_home, repeat_habits, round_habits

if TYPE_CHECKING:
    from .features import Seconds
    from .habits import Days, Habits

LEAST_DAYS = 7
LEARNING_DAYS = 28
FALSE_ALARMS_PER_WEEK = 0.25
BLOCKS = 10
PEAKS_PER_WEEK = 2.0
PEAKS_APART = 6 * HOUR
# A silence shorter than this cannot be an alarm.
LEAST_SCORED = 1200.0

# Measured on 24 generated residents: 16 taught by 15 days, 8 taught by 60.
POPULATION_LEVEL = -0.03
POPULATION_TAIL = 0.16
PRIOR_PEAKS = 16.0


class TooLittleHistory(ValueError):
    """There are not enough days to learn a person's habits from. More days may come: fit again later."""


class FittedHabits(NamedTuple):
    """`metrics` are plain numbers, JSON-ready."""

    habits: Habits
    metrics: dict[str, float | int]


def fit_habits(life: Life, target: float = FALSE_ALARMS_PER_WEEK) -> FittedHabits:
    """Learns a person's habits from a home's activity. Raises TooLittleHistory under a week of days with activity."""
    seen = count_days(life.times)
    if seen < LEAST_DAYS:
        raise TooLittleHistory(f"{seen} days with events, {LEAST_DAYS} are needed")
    first = int(life.times[0] // DAY)
    days = measure_home(life, first, int(life.times[-1] // DAY) - first + 1)
    weeks = days.risings.size / 7
    peaks = score_held_out(life, days, first)
    own, level = estimate_level(peaks, weeks)
    margin = level + POPULATION_TAIL * float(np.log(PEAKS_PER_WEEK / target))
    habits = learn_habits(days, float(np.exp(margin)))
    expected = PEAKS_PER_WEEK * float(np.exp((own - margin) / POPULATION_TAIL))
    metrics = {
        "days": seen,
        "events": int(life.times.size),
        "margin": round(float(np.exp(margin)), 4),
        "held_out_weeks": round(weeks, 3),
        "held_out_alarms": int((peaks >= margin).sum()),
        "false_alarms_per_week": round(expected, 4),
        "mean_allowed_hours": round(float(habits.at_home[0].mean() * np.exp(margin)) / HOUR, 3),
        "learning": int(seen < LEARNING_DAYS),
    }
    return FittedHabits(round_habits(habits), metrics)


def estimate_level(peaks: Seconds, weeks: float) -> tuple[float, float]:
    """The logarithmic score that this home passes twice a week: by itself, and leaning on the population."""
    count = max(2, round(PEAKS_PER_WEEK * weeks))
    own = float(peaks[min(count, peaks.size - 1)]) if peaks.size else POPULATION_LEVEL
    return own, (count * own + PRIOR_PEAKS * POPULATION_LEVEL) / (count + PRIOR_PEAKS)


def score_held_out(life: Life, days: Days, first_day: int) -> Seconds:
    """The peaks of held-out days, highest first: logarithmic scores, those within 6 h of a higher one left out."""
    silences = list_silences(life)
    silences = silences.choose(silences.ends - silences.starts >= LEAST_SCORED)
    of_day = np.floor(silences.starts / DAY) - first_day
    scores = np.full(silences.starts.size, -np.inf)
    edges = np.unique(np.linspace(0, days.risings.size, BLOCKS + 1).astype(int))
    for first, last in pairwise(edges):
        held_out = (of_day >= first) & (of_day < last)
        tried = silences.choose(held_out)
        habits = repeat_habits(learn_habits(days.without(first, last)), tried.starts.size)
        scores[held_out] = np.log(score_silences(tried.ends, tried.starts, tried.out, habits))
    return keep_peaks(scores, silences.starts)


def keep_peaks(scores: Seconds, starts: Seconds) -> Seconds:
    """Scores, highest first, without those that began within 6 h of a higher one's beginning."""
    kept: list[int] = []
    for place in np.argsort(-scores, kind="stable"):
        if all(abs(starts[place] - starts[other]) > PEAKS_APART for other in kept):
            kept.append(int(place))
    return scores[kept]
