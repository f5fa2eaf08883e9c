"""What is usual for one person: the silences to expect, and when the day begins. The numbers that weights consist of.

From a home's days to tables, and from tables of many seniors to one stack. Times are local seconds (see features).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .features import HOUR, SLOTS, Flags, Life, Seconds, find_risings, list_silences, measure_days

if TYPE_CHECKING:
    from collections.abc import Sequence

Numbers = NDArray[np.floating]

LEAST_USUAL = 0.5 * HOUR
# Of the longest silence that was ever seen and of the mean plus 2.5 deviations of the daily longest: the first alone
# follows one odd day, the second alone forgets that there are odd days.
SHARE_OF_LONGEST = 0.75
DEVIATIONS = 2.5
# A half-hour's spread is estimated from few days: five days' worth of the whole day's spread is mixed in.
SPREAD_DAYS = 5.0
LEAST_SPREAD = 0.25

RISING_DEVIATIONS = 2.0
RISING_DAYS = 5.0
RISING_SPREAD = 0.5 * HOUR
LATEST_RISING = 9 * HOUR


class Habits(NamedTuple):
    """Tables of one person, or of n stacked (a leading axis n).

    `at_home`: shape (2, 48), seconds: usual longest silences after a last sign from inside the home, by the half-hour
    that is (0) and by the half-hour in which the silence began (1). `anywhere`: the same after whatever sign.
    `rising`: shape (1,), the time of day by which the person is usually up, at the latest.
    `margin`: shape (1,), the score's calibration: a silence of `margin` times the usual is an emergency.
    """

    at_home: Numbers
    anywhere: Numbers
    rising: Numbers
    margin: Numbers


class Days(NamedTuple):
    """A home day by day: `at_home` and `anywhere` as `measure_days` has them, `risings` of shape (days,)."""

    at_home: Seconds
    anywhere: Seconds
    risings: Seconds

    def without(self, first: int, last: int) -> Days:
        """The other days than those from `first` up to, not including, `last`."""
        kept = np.r_[0:first, last : self.risings.size]
        return Days(self.at_home[:, kept], self.anywhere[:, kept], self.risings[kept])


def measure_home(life: Life, first_day: int, days: int) -> Days:
    silences = list_silences(life)
    return Days(
        measure_days(silences.choose(~silences.out), first_day, days),
        measure_days(silences, first_day, days),
        find_risings(life.times, first_day, days),
    )


def learn_habits(days: Days, margin: float = 1.0) -> Habits:
    """The habits of a person who lived these days."""
    anywhere = _expect_longest(days.anywhere)
    return Habits(
        np.minimum(_expect_longest(days.at_home), anywhere),
        anywhere,
        np.array([_expect_rising(days.risings)]),
        np.array([margin]),
    )


def round_habits(habits: Habits) -> Habits:
    """As weights keep them: float32."""
    at_home, anywhere, rising, margin = (np.asarray(values, dtype=np.float32) for values in habits)
    return Habits(at_home, anywhere, rising, margin)


def stack_habits(habits: Sequence[Habits]) -> Habits:
    """Of n persons, for one pass over all."""
    return Habits(
        np.stack([one.at_home for one in habits]),
        np.stack([one.anywhere for one in habits]),
        np.stack([one.rising for one in habits]),
        np.stack([one.margin for one in habits]),
    )


def choose_habits(habits: Habits, rows: Flags | NDArray[np.int64]) -> Habits:
    """Those of some of the stacked persons."""
    return Habits(habits.at_home[rows], habits.anywhere[rows], habits.rising[rows], habits.margin[rows])


def repeat_habits(habits: Habits, times: int) -> Habits:
    """One person's, as if stacked: views, not copies."""
    return Habits(*(np.broadcast_to(values, (times, *values.shape)) for values in habits))


def _expect_longest(daily: Seconds) -> Seconds:
    """Shape (2, 48) from (2, days, 48); each half-hour looks at its two neighbours as well."""
    near = np.maximum(np.maximum(daily, np.roll(daily, 1, axis=2)), np.roll(daily, -1, axis=2))
    logs = np.log(np.maximum(near, LEAST_USUAL))
    days = logs.shape[1]
    variance = logs.var(axis=1)
    pooled = variance.mean(axis=1, keepdims=True)
    spread = np.sqrt((days * variance + SPREAD_DAYS * pooled) / (days + SPREAD_DAYS))
    expected = logs.mean(axis=1) + DEVIATIONS * np.maximum(spread, LEAST_SPREAD)
    return np.asarray(np.exp(SHARE_OF_LONGEST * logs.max(axis=1) + (1 - SHARE_OF_LONGEST) * expected))


def _expect_rising(risings: Seconds) -> float:
    """The middle rising and twice the spread of the later ones; the earlier say nothing about oversleeping."""
    known = risings[~np.isnan(risings)]
    if not known.size:
        return LATEST_RISING
    middle = float(np.median(known))
    later = float(np.mean((known[known >= middle] - middle) ** 2))
    spread = np.sqrt((known.size * later + RISING_DAYS * RISING_SPREAD**2) / (known.size + RISING_DAYS))
    return middle + RISING_DEVIATIONS * float(spread)


def is_table(values: Numbers) -> bool:
    return values.shape == (2, SLOTS)
