"""Which sensors of a home are to be believed just now, and what a silence is worth without the others. Pure.

A vital sensor (one of the busiest) that was missing for more bins of the others' activity than it usually is when a
silence begins is not trusted: the silence is then held against what was usual without it. A sensor that reports without
a pause for longer than any of the home ever did chatters: what it says since then is no sign of life.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from devices.sensor_health import find_dead_limit

from .features import BIN, DAY, HOUR, Seconds, list_silences
from .habits import VITAL, WATCHES, Days, Routine, learn_routine, measure_home
from .tracks import PAUSE, count_bins_since

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .features import Flags, Life
    from .habits import Habits
    from .tracks import Tracks

# Of the silences of at least an hour: so many begin while the sensor was missing for less.
SHARE_OF_PATIENCE = 0.8
LEAST_PATIENCE = 2.0
LEAST_SILENCE = HOUR
LONGEST_WITHOUT = 2.0  # logarithm
LEAST_EVENTS_LEFT = 50

SHORTEST_CHATTER = HOUR
CHATTER_TIMES = 1.5

# So many bins of the others' activity (two hours) are the least for a sensor to be called dead.
DEAD_LEAST_BINS = 24


class Vital(NamedTuple):
    """As in `Habits`, but `without` in logarithms."""

    vital: Seconds
    patience: Seconds
    longest: Seconds
    without: Seconds
    later: Seconds


def learn_vital(life: Life, days: Days, routine: Routine) -> Vital:
    """Takes each of the busiest sensors away and sees what silences were usual without it."""
    keys, counts = np.unique(life.sensors, return_counts=True)
    busiest = keys[np.argsort(-counts, kind="stable")][:VITAL]
    learned = Vital(
        np.zeros(VITAL), np.full(VITAL, 576.0), np.full(VITAL, 576.0), np.zeros((VITAL, 2, WATCHES)), np.zeros(VITAL)
    )
    silences = list_silences(life)
    begun = silences.starts[silences.ends - silences.starts >= LEAST_SILENCE]
    for place, key in enumerate(busiest):
        others = life.choose(life.sensors != key)
        if others.times.size < LEAST_EVENTS_LEFT:
            continue
        poorer = learn_routine(measure_home(others, int(days.numbers[0]), days.numbers.size))
        longer = np.maximum(poorer.at_home - routine.at_home, poorer.anywhere - routine.anywhere)
        learned.vital[place] = key
        learned.without[place] = np.clip(longer.reshape(2, WATCHES, -1).max(axis=2), 0, LONGEST_WITHOUT)
        learned.later[place] = max(0.0, float((poorer.rising - routine.rising).max()))
        missed = count_missed(life, int(key), begun)
        if missed.size:
            learned.patience[place] = max(LEAST_PATIENCE, float(np.quantile(missed, SHARE_OF_PATIENCE)))
        own = life.times[life.sensors == key]
        learned.longest[place] = min(576.0, float(count_missed(life, int(key), own[1:] - 1e-3).max(initial=0)))
    return learned


def count_missed(life: Life, key: int, moments: Seconds) -> NDArray[np.int64]:
    """In how many bins since the sensor was last heard before each moment the home was active."""
    bins = np.unique(np.floor(life.times / BIN))
    own = life.times[life.sensors == key]
    last = np.append(own, -np.inf)[np.searchsorted(own, moments, "right") - 1]
    last = np.where(np.isfinite(last), last, life.times[0])
    after = np.searchsorted(bins, np.floor(last / BIN), "right")
    return np.asarray(np.maximum(0, np.searchsorted(bins, np.floor(moments / BIN), "right") - after))


def learn_run(life: Life) -> float:
    """For how long a sensor of this home may report without a pause of two minutes, in seconds."""
    order = np.lexsort((life.times, life.sensors))
    times, keys = life.times[order], life.sensors[order]
    begins = np.r_[True, (np.diff(keys) != 0) | (np.diff(times) > PAUSE)]
    begun = times[np.maximum.accumulate(np.where(begins, np.arange(times.size), 0))]
    return min(2 * DAY, max(SHORTEST_CHATTER, CHATTER_TIMES * float((times - begun).max(initial=0.0))))


def believe(tracks: Tracks, habits: Habits) -> tuple[Seconds, Flags]:
    """When each sensor was last heard, as far as it is believed, and which ones chatter: shapes (n, 16)."""
    seen, since = tracks["seen"], tracks["since"]
    chatters = seen - since > habits.run
    return np.where(chatters, since, seen), chatters


def find_missing(tracks: Tracks, seen: Seconds, today: NDArray[np.int64], habits: Habits) -> NDArray[np.int64]:
    """How many bins of the others' activity each vital sensor misses: shape (n, 3); 0 where there is none."""
    heard = tracks["key"][:, None, :] == habits.vital[:, :, None]
    last = np.where(heard, seen[:, None, :], 0).max(axis=2)
    return np.where(habits.vital > 0, count_bins_since(tracks, today, last), 0)


def find_lengthening(missing: NDArray[np.int64], habits: Habits) -> tuple[Seconds, Seconds]:
    """By which logarithm silences are longer without the sensors not trusted, (n, 2, 8), and days begin later, (n,)."""
    distrusted = missing > habits.patience
    without = np.log(habits.without.astype(np.float64))
    longer = np.where(distrusted[:, :, None, None], without, 0).max(axis=1)
    return longer, np.where(distrusted, habits.later, 0).max(axis=1).astype(np.float64)


def find_dead(missing: NDArray[np.int64], habits: Habits) -> Flags:
    """Which vital sensors are dead, by the rule of the fault judge, in bins instead of hours: shape (n, 3)."""
    return np.asarray(missing > find_dead_limit(habits.longest, DEAD_LEAST_BINS))
