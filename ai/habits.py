"""What is usual for one person: the numbers that weights consist of. From days to tables, and from many seniors' tables
to one stack. Times are local seconds (see features).

A table is shape (2, 48), seconds: usual longest spans by the half-hour that is (0) and by the half-hour in which the
span began (1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .features import (
    DAY,
    HOUR,
    SLOTS,
    Flags,
    Life,
    Seconds,
    find_risings,
    list_dwellings,
    list_silences,
    measure_days,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Numbers = NDArray[np.floating]

PLACES = 12
VITAL = 3
WATCHES = 8

LEAST_USUAL = 0.5 * HOUR
# Of the longest silence that was ever seen and of the mean plus 2.5 deviations of the daily longest: the first alone
# follows one odd day, the second alone forgets that there are odd days.
SHARE_OF_LONGEST = 0.75
DEVIATIONS = 2.5
# A half-hour's spread is estimated from few days: this many days' worth of the whole day's spread is mixed in.
SPREAD_DAYS = 15.0
LEAST_SPREAD = 0.25

# What people in general are silent for: round numbers, no recording. Who is usually heard more often is believed as
# if so many days of such people had been seen too; who is usually silent for longer is believed at once.
POPULATION_DAYS = 25.0
NIGHT_BEGINS = 22 * HOUR
NIGHT_IS_OVER = 8 * HOUR
POPULATION_AT_HOME = (2.5 * HOUR, 5 * HOUR)  # by day, by night
POPULATION_ANYWHERE = (5 * HOUR, 6 * HOUR)
POPULATION_DWELLING = 4 * HOUR

RISING_DEVIATIONS = 2.0
RISING_DAYS = 5.0
RISING_SPREAD = 0.5 * HOUR
LATEST_RISING = 9 * HOUR
# So many weekends' worth of the other days' rising: with two weekends there is hardly a difference to be known.
WEEKEND_DAYS = 8.0
LEAST_DAY_SPREAD = 0.01


class Habits(NamedTuple):
    """Of one person, or of n stacked (a leading axis n). Keys are those of `tracks.sensor_key`, 0 for none.

    `at_home`: table of silences after a last sign from inside the home; `anywhere`: after whatever sign.
    `rising`: (2,), the time of day by which the person is usually up, on weekdays and at weekends.
    `margin`: (1,), a silence of `margin` times the usual is an emergency.
    `places`, `ease`: (12,), sensors after which silences are shorter, and by which factor.
    `vital`: (3,), the busiest sensors; `patience`: (3,), how many bins of others they are usually missing for when a
    silence begins; `longest`: (3,), how many at most; `without`: (3, 2, 8), by which factor silences are longer without
    the sensor, by 3 hours of the day, in a table's two views; `later`: (3,), seconds by which the day begins later.
    `dwelling`: table of how long one sensor alone is heard again and again; `dwell_margin`: (1,).
    `run`: (1,), seconds for which a sensor may report without a pause.
    `night`: (1,), how much walking about at night is an alarm (see movement).
    `usual_days`: (4,), mean and spread of the bins with activity by day, and by night (see decline).
    """

    at_home: Numbers
    anywhere: Numbers
    rising: Numbers
    margin: Numbers
    places: Numbers
    ease: Numbers
    vital: Numbers
    patience: Numbers
    longest: Numbers
    without: Numbers
    later: Numbers
    dwelling: Numbers
    dwell_margin: Numbers
    run: Numbers
    night: Numbers
    usual_days: Numbers


class Days(NamedTuple):
    """A home day by day: three times (2, days, 48) as `measure_days` has them, and of shape (days,) the time of rising
    and the number of the day since 1970.
    """

    at_home: Seconds
    anywhere: Seconds
    dwelling: Seconds
    risings: Seconds
    numbers: NDArray[np.int64]

    def without(self, first: int, last: int) -> Days:
        """The other days than those from `first` up to, not including, `last`."""
        kept = np.r_[0:first, last : self.risings.size]
        return Days(
            self.at_home[:, kept],
            self.anywhere[:, kept],
            self.dwelling[:, kept],
            self.risings[kept],
            self.numbers[kept],
        )


class Routine(NamedTuple):
    """The part of the habits that is learned from days alone; the tables in logarithms."""

    at_home: Seconds
    anywhere: Seconds
    dwelling: Seconds
    rising: Seconds


def measure_home(life: Life, first_day: int, days: int) -> Days:
    silences = list_silences(life)
    return Days(
        measure_days(silences.choose(~silences.out), first_day, days),
        measure_days(silences, first_day, days),
        measure_days(list_dwellings(life), first_day, days),
        find_risings(life.times, first_day, days),
        first_day + np.arange(days),
    )


def learn_routine(days: Days) -> Routine:
    """The usual spans of a person who lived these days, leaning on people in general while the days are few."""
    count = days.risings.size
    anywhere = _lean(expect_longest(days.anywhere), _spread_hours(*POPULATION_ANYWHERE), count)
    at_home = _lean(expect_longest(days.at_home), _spread_hours(*POPULATION_AT_HOME), count)
    dwelling = _lean(expect_longest(days.dwelling), np.full(SLOTS, POPULATION_DWELLING), count)
    return Routine(np.minimum(at_home, anywhere), anywhere, dwelling, expect_rising(days.risings, days.numbers))


def expect_longest(daily: Seconds) -> Seconds:
    """Shape (2, 48), logarithms, from (2, days, 48); each half-hour looks at its two neighbours as well."""
    near = np.maximum(np.maximum(daily, np.roll(daily, 1, axis=2)), np.roll(daily, -1, axis=2))
    logs = np.log(np.maximum(near, LEAST_USUAL))
    days = logs.shape[1]
    variance = logs.var(axis=1)
    pooled = variance.mean(axis=1, keepdims=True)
    spread = np.sqrt((days * variance + SPREAD_DAYS * pooled) / (days + SPREAD_DAYS))
    expected = logs.mean(axis=1) + DEVIATIONS * np.maximum(spread, LEAST_SPREAD)
    return np.asarray(SHARE_OF_LONGEST * logs.max(axis=1) + (1 - SHARE_OF_LONGEST) * expected)


def _lean(own: Seconds, population: Seconds, days: int) -> Seconds:
    return np.asarray(own + np.maximum(0, np.log(population) - own) * POPULATION_DAYS / (days + POPULATION_DAYS))


def _spread_hours(by_day: float, by_night: float) -> Seconds:
    times = (np.arange(SLOTS) + 0.5) * DAY / SLOTS
    return np.where((times < NIGHT_IS_OVER) | (times >= NIGHT_BEGINS), by_night, by_day)


def expect_rising(risings: Seconds, numbers: NDArray[np.int64]) -> Seconds:
    """Shape (2,), weekdays and weekends: the middle rising and twice the spread of the later ones.

    The earlier say nothing about oversleeping.
    """
    known = risings[~np.isnan(risings)]
    if not known.size:
        return np.full(2, LATEST_RISING)
    middle = float(np.median(known))
    later = float(np.mean((known[known >= middle] - middle) ** 2))
    spread = np.sqrt((known.size * later + RISING_DAYS * RISING_SPREAD**2) / (known.size + RISING_DAYS))
    usual = middle + RISING_DEVIATIONS * float(spread)
    free = risings[is_weekend(numbers) & ~np.isnan(risings)]
    if not free.size:
        return np.full(2, usual)
    shift = (float(np.median(free)) - middle) * free.size / (free.size + WEEKEND_DAYS)
    return np.array([usual, usual + max(0.0, shift)])


def is_weekend(days: NDArray[np.int64]) -> Flags:
    """Saturday and Sunday, by the number of the local day since 1970, which was a Thursday."""
    return (days + 3) % 7 >= 5


def round_habits(habits: Habits) -> Habits:
    """As weights keep them: float32."""
    return Habits(*(np.asarray(values, dtype=np.float32) for values in habits))


def stack_habits(habits: Sequence[Habits]) -> Habits:
    """Of n persons, for one pass over all."""
    return Habits(*(np.stack(values) for values in zip(*habits, strict=True)))


def choose_habits(habits: Habits, rows: Flags | NDArray[np.int64]) -> Habits:
    """Those of some of the stacked persons."""
    return Habits(*(values[rows] for values in habits))


def repeat_habits(habits: Habits, times: int) -> Habits:
    """One person's, as if stacked: views, not copies."""
    return Habits(*(np.broadcast_to(values, (times, *values.shape)) for values in habits))


def make_population() -> Habits:
    """The habits of somebody of whom nothing is known yet: those of people in general, allowed half as much again."""
    no_days = np.zeros((2, 1, SLOTS))
    routine = learn_routine(Days(no_days, no_days, no_days, np.full(1, np.nan), np.zeros(1, np.int64)))
    return round_habits(
        Habits(
            at_home=np.exp(np.maximum(routine.at_home, np.log(_spread_hours(*POPULATION_AT_HOME)))),
            anywhere=np.exp(np.maximum(routine.anywhere, np.log(_spread_hours(*POPULATION_ANYWHERE)))),
            rising=routine.rising,
            margin=np.array([2.0]),
            places=np.zeros(PLACES),
            ease=np.ones(PLACES),
            vital=np.zeros(VITAL),
            patience=np.full(VITAL, 576.0),
            longest=np.full(VITAL, 576.0),
            without=np.ones((VITAL, 2, WATCHES)),
            later=np.zeros(VITAL),
            dwelling=np.full((2, SLOTS), POPULATION_DWELLING),
            dwell_margin=np.array([2.0]),
            run=np.array([2 * HOUR]),
            night=np.array([8.0]),
            usual_days=np.array([0.0, 1e6, 0.0, 1e6]),
        )
    )


POPULATION = make_population()

_BOUNDS: dict[str, tuple[float, float]] = {
    "at_home": (1, 2 * DAY),
    "anywhere": (1, 2 * DAY),
    "rising": (1, DAY),
    "margin": (0.01, 100),
    "places": (0, 2**24 - 1),
    "ease": (0.05, 1),
    "vital": (0, 2**24 - 1),
    "patience": (0, 576),
    "longest": (0, 576),
    "without": (1, 20),
    "later": (0, DAY),
    "dwelling": (1, 2 * DAY),
    "dwell_margin": (0.01, 100),
    "run": (1, 2 * DAY),
    "night": (1, 100),
    "usual_days": (0, 1e6),
}


def are_sound(habits: Habits) -> Flags:
    """Whose stacked habits can have been learned from a life: shape (n,). What is no number cannot."""
    sound = np.ones(len(habits.margin), dtype=np.bool_)
    for name, values in habits._asdict().items():
        low, high = _BOUNDS[name]
        flat = values.reshape(len(values), -1)
        sound &= (flat >= np.float32(low)).all(axis=1) & (flat <= np.float32(high)).all(axis=1)
    # a spread of nothing would make anything a change
    return np.asarray(sound & (habits.usual_days[:, 1::2] >= LEAST_DAY_SPREAD).all(axis=1))
