"""Learning a person's habits, and how far beyond the usual an emergency begins, so that false ones stay in a budget.

Every tenth of the days is held out once; the habits of the others score its silences and dwellings. The exceedances of
the highest scores over the level that is passed twice a week are exponential in the logarithm (a Pareto tail: peaks
over a threshold, Pickands 1975), so the level passed `budget` times a week lies `tail * ln(2 / budget)` above.

A fortnight has four such peaks. Level and tail therefore lean on a population: the level as if `PRIOR_PEAKS` peaks of
others were seen too, the tail wholly. The population are the residents of our own generator, no real person.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .decline import learn_usual_days
from .detector import Silence, begin_silences, score_silences
from .features import DAY, HOUR, Dwellings, Life, count_days, list_dwellings, list_silences
from .habits import (
    PLACES,
    POPULATION,
    Habits,
    learn_routine,
    measure_home,
    repeat_habits,
    round_habits,
)
from .movement import hold_out_dwellings, learn_night
from .trust import learn_run, learn_vital

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .features import Seconds, Silences
    from .habits import Days, Routine

LEAST_DAYS = 7
LEARNING_DAYS = 28
FALSE_ALARMS_PER_WEEK = 0.25
BLOCKS = 10
PEAKS_PER_WEEK = 2.0
PEAKS_APART = 6 * HOUR
# A silence shorter than this cannot be an alarm; one shorter than half of it says nothing of its place.
LEAST_SCORED = 1200.0
LEAST_DWELLING_SCORED = HOUR

# Measured on 24 generated residents: 16 taught by 15 days, 8 taught by 60.
POPULATION_LEVEL = -0.03
POPULATION_TAIL = 0.16
PRIOR_PEAKS = 16.0
DWELLING_LEVEL = 0.0
DWELLING_TAIL = 0.35
# Dwellings have a smaller part of the budget: most alarms of a home are silences.
DWELLING_SHARE = 0.5

# The silences after a place count for shorter ones as if this many had been ordinary, and never for less than this.
PLACE_SILENCES = 10.0
LEAST_EASE = -0.8


class TooLittleHistory(ValueError):
    """There are not enough days to learn a person's habits from. More days may come: fit again later."""


class FittedHabits(NamedTuple):
    """`metrics` are plain numbers, JSON-ready."""

    habits: Habits
    metrics: dict[str, float | int]


class Places(NamedTuple):
    """Sensors after which silences are shorter than elsewhere: keys, shape (p,), and logarithms below 0."""

    keys: NDArray[np.uint32]
    ease: Seconds


def fit_habits(life: Life, target: float = FALSE_ALARMS_PER_WEEK) -> FittedHabits:
    """Learns a person's habits from a home's activity. Raises TooLittleHistory under a week of days with activity."""
    seen = count_days(life.times)
    if seen < LEAST_DAYS:
        raise TooLittleHistory(f"{seen} days with events, {LEAST_DAYS} are needed")
    first = int(life.times[0] // DAY)
    days = measure_home(life, first, int(life.times[-1] // DAY) - first + 1)
    silences = list_silences(life)
    silences = silences.choose(silences.ends - silences.starts >= LEAST_SCORED / 2)
    dwellings = list_dwellings(life)
    held_out = score_held_out(silences, dwellings, days)
    weeks = days.risings.size / 7
    own, level = estimate_level(held_out.silences, weeks, POPULATION_LEVEL)
    margin = level + POPULATION_TAIL * float(np.log(PEAKS_PER_WEEK / target))
    _, dwell_level = estimate_level(held_out.dwellings, weeks, DWELLING_LEVEL)
    dwell_margin = dwell_level + DWELLING_TAIL * float(np.log(PEAKS_PER_WEEK / (target * DWELLING_SHARE)))
    routine = learn_routine(days)
    habits = assemble_habits(life, days, routine, learn_places(silences, routine), margin, dwell_margin)
    metrics = {
        "days": seen,
        "events": int(life.times.size),
        "margin": round(float(np.exp(margin)), 4),
        "held_out_weeks": round(weeks, 3),
        "held_out_alarms": int((held_out.silences >= margin).sum() + (held_out.dwellings >= dwell_margin).sum()),
        "false_alarms_per_week": round(PEAKS_PER_WEEK * float(np.exp((own - margin) / POPULATION_TAIL)), 4),
        "mean_allowed_hours": round(float(habits.at_home[0].mean() * np.exp(margin)) / HOUR, 3),
        "learning": int(seen < LEARNING_DAYS),
    }
    return FittedHabits(round_habits(habits), metrics)


def assemble_habits(
    life: Life, days: Days, routine: Routine, places: Places, margin: float, dwell_margin: float
) -> Habits:
    """Everything that weights hold, of one person. The places that are kept are those that tell most."""
    vital = learn_vital(life, days, routine)
    order = np.argsort(places.ease, kind="stable")[:PLACES]
    keys, ease = np.zeros(PLACES), np.zeros(PLACES)
    keys[: order.size], ease[: order.size] = places.keys[order], places.ease[order]
    return Habits(
        at_home=np.exp(routine.at_home),
        anywhere=np.exp(routine.anywhere),
        rising=routine.rising,
        margin=np.array([np.exp(margin)]),
        places=keys,
        ease=np.exp(ease),
        vital=vital.vital,
        patience=vital.patience,
        longest=vital.longest,
        without=np.exp(vital.without),
        later=vital.later,
        dwelling=np.exp(routine.dwelling),
        dwell_margin=np.array([np.exp(dwell_margin)]),
        run=np.array([learn_run(life)]),
        night=np.array([learn_night(life)]),
        usual_days=learn_usual_days(life),
    )


def estimate_level(peaks: Seconds, weeks: float, population: float) -> tuple[float, float]:
    """The logarithmic score that this home passes twice a week: by itself, and leaning on the population."""
    count = max(2, round(PEAKS_PER_WEEK * weeks))
    own = float(peaks[min(count, peaks.size - 1)]) if peaks.size else population
    return own, (count * own + PRIOR_PEAKS * population) / (count + PRIOR_PEAKS)


class HeldOut(NamedTuple):
    """The peaks of held-out days, highest first: logarithmic scores, those within 6 h of a higher one left out."""

    silences: Seconds
    dwellings: Seconds


def score_held_out(silences: Silences, dwellings: Dwellings, days: Days) -> HeldOut:
    first_day = int(days.numbers[0])
    of_silence = np.floor(silences.starts / DAY) - first_day
    of_dwelling = np.floor(dwellings.starts / DAY) - first_day
    scores, stays = np.full(of_silence.size, -np.inf), np.full(of_dwelling.size, -np.inf)
    long = silences.ends - silences.starts >= LEAST_SCORED
    edges = np.unique(np.linspace(0, days.risings.size, BLOCKS + 1).astype(int))
    for first, last in pairwise(edges):
        out = (of_silence >= first) & (of_silence < last)
        routine = learn_routine(days.without(first, last))
        places = learn_places(silences.choose(~out), routine)
        scores[out & long] = score_silences_by(silences.choose(out & long), routine, places)
        out = (of_dwelling >= first) & (of_dwelling < last)
        stays[out] = hold_out_dwellings(Dwellings(dwellings.starts[out], dwellings.ends[out]), routine.dwelling)
    long_stays = dwellings.ends - dwellings.starts >= LEAST_DWELLING_SCORED
    return HeldOut(
        keep_peaks(scores[long], silences.starts[long]),
        keep_peaks(stays[long_stays], dwellings.starts[long_stays]),
    )


def learn_places(silences: Silences, routine: Routine) -> Places:
    """After which sensors silences end earlier than elsewhere, by their longest: the more of them, the surer."""
    if not silences.starts.size:
        return Places(silences.places, silences.starts)
    scores = score_silences_by(silences, routine, Places(silences.places[:0], silences.starts[:0]))
    keys, of, counts = np.unique(silences.places, return_inverse=True, return_counts=True)
    most = np.full(keys.size, -np.inf)
    np.maximum.at(most, of, scores)
    ease = np.clip(counts * most / (counts + PLACE_SILENCES), LEAST_EASE, 0)
    return Places(keys[ease < 0], ease[ease < 0])


def score_silences_by(silences: Silences, routine: Routine, places: Places) -> Seconds:
    """The logarithmic scores of whole silences against a routine, without a margin: shape (m,)."""
    one = POPULATION._replace(
        at_home=np.exp(routine.at_home),
        anywhere=np.exp(routine.anywhere),
        rising=routine.rising,
        margin=np.ones(1),
    )
    begun = begin_silences(silences.starts, silences.out)
    if places.keys.size:
        found = np.minimum(np.searchsorted(places.keys, silences.places), places.keys.size - 1)
        begun = Silence(begun.last, begun.out, np.where(places.keys[found] == silences.places, places.ease[found], 0.0))
    return np.log(score_silences(silences.ends, begun, repeat_habits(one, silences.starts.size)))


def keep_peaks(scores: Seconds, starts: Seconds) -> Seconds:
    """Scores, highest first, without those that began within 6 h of a higher one's beginning."""
    kept: list[int] = []
    for place in np.argsort(-scores, kind="stable"):
        if all(abs(starts[place] - starts[other]) > PEAKS_APART for other in kept):
            kept.append(int(place))
    return scores[kept]
