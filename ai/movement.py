"""Movement that is itself the finding: at one place only, for hours; and about the home, in the middle of the night.

Both from the 5-minute bins with activity out of bed. Somebody **dwells** where one sensor is heard again and again (at
least 4 bins, no pause over 90 minutes) and no other: so does a person on the floor who still moves. The length is held
against the table `dwelling` of the habits, as a silence is.

Somebody is **walking about** at night by the number of bins of the last 45 minutes, and half the number of different
sensors of the last hour: a way to the toilet is three bins and two sensors. No sensor stands for more than three bins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .detector import mix_views
from .features import BED, BIN, DAY, DOOR, DWELLING_BINS, DWELLING_PAUSE, HOUR, SLOT, SLOTS, Seconds
from .tracks import BINS, spread_bins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .features import Dwellings, Life
    from .habits import Habits
    from .tracks import Tracks

LEAST_DWELLING = 3 * HOUR
DWELLING_SLOTS = 50

NIGHT_FROM = 1.25 * HOUR
NIGHT_TO = 5 * HOUR
WALK_BINS = 9
WALK_SECONDS = HOUR
SHARE_OF_SENSORS = 0.5
MOST_SENSORS = 8
BINS_A_SENSOR = 3

WALK_DEVIATIONS = 2.5
POPULATION_WALK = 5.0
POPULATION_NIGHTS = 10.0
LEAST_WALK = 3.5
WALK_MARGIN = 1.15


class Dwelling(NamedTuple):
    """Shape (n,): where somebody dwells, from when to when, and whether anybody does."""

    starts: Seconds
    ends: Seconds
    known: NDArray[np.bool_]


def find_dwellings(tracks: Tracks, seen: Seconds, today: NDArray[np.int64]) -> Dwelling:
    """Whether one sensor alone has been heard since a while. `seen`: when each sensor was last heard, (n, 16)."""
    rows = np.arange(len(tracks))
    slot = seen.argmax(axis=1)
    last = seen[rows, slot]
    others = seen.copy()
    others[rows, slot] = 0
    bins = spread_bins(tracks, today)
    place = np.arange(2 * BINS)
    base = (today - 1) * BINS
    own = bins & (place > (np.floor(others.max(axis=1) / BIN) - base)[:, None])
    heard = np.maximum.accumulate(np.where(bins, place, -DWELLING_PAUSE - 1), axis=1)
    before = np.concatenate([np.full((len(tracks), 1), -DWELLING_PAUSE - 1), heard[:, :-1]], axis=1)
    begins = np.where(own & (place - before > DWELLING_PAUSE), place, 0).max(axis=1)
    own &= place >= begins[:, None]
    starts = (base + own.argmax(axis=1)) * BIN
    stays = ~np.isin(tracks["word"][rows, slot], (DOOR, BED))
    return Dwelling(starts, last, (own.sum(axis=1) >= DWELLING_BINS) & stays & (last > starts))


def score_dwellings(dwelling: Dwelling, habits: Habits) -> Seconds:
    """As a silence from `starts` to `ends` is scored: shape (n,), 1 is the emergency, 0 where nobody dwells.

    It rises with each sign and not with the clock: who falls silent is judged by the silence.
    """
    scores = np.zeros(dwelling.starts.shape)
    rows = np.flatnonzero(dwelling.known)
    if rows.size:
        logs = score_dwellings_by(
            dwelling.starts[rows], dwelling.ends[rows], habits.dwelling[rows].astype(np.float64)
        ) - np.log(habits.dwell_margin[rows, 0].astype(np.float64))
        least = np.log((dwelling.ends - dwelling.starts)[rows] / LEAST_DWELLING)
        scores[rows] = np.exp(np.minimum(logs, least))
    return scores


def score_dwellings_by(starts: Seconds, ends: Seconds, tables: Seconds) -> Seconds:
    """The highest logarithm of lasted against usual, from start to end, without a margin: shape (n,)."""
    width = min(int(float((ends - starts).max(initial=0)) // SLOT) + 2, DWELLING_SLOTS)
    usual = mix_views(tables, starts, width)
    turns = (np.floor(starts / SLOT)[:, None] + 1 + np.arange(width)) * SLOT
    begins = np.maximum(turns - SLOT, starts[:, None])
    lasted = np.log(np.maximum(np.minimum(turns, ends[:, None]) - starts[:, None], 1e-3))
    return np.asarray(np.where(begins < ends[:, None], lasted - usual, -np.inf).max(axis=1))


def find_usual_dwelling(starts: Seconds, habits: Habits) -> Seconds:
    """The longest usual dwelling that begins at each moment: shape (n,), seconds."""
    rows = np.arange(starts.size)
    return np.asarray(habits.dwelling[rows, 1, (starts // SLOT % SLOTS).astype(np.int64)], dtype=np.float64)


def hold_out_dwellings(dwellings: Dwellings, table: Seconds) -> Seconds:
    """The logarithms of a home's own dwellings against a table (2, 48) in logarithms: shape (m,)."""
    if not dwellings.starts.size:
        return dwellings.starts
    tables = np.broadcast_to(np.exp(table), (dwellings.starts.size, *table.shape))
    return score_dwellings_by(dwellings.starts, dwellings.ends, tables)


def measure_walks(tracks: Tracks, seen: Seconds, now: Seconds) -> Seconds:
    """How much each person walks about: shape (n,), 0 by day."""
    walks = np.zeros(now.shape)
    rows = np.flatnonzero((now % DAY >= NIGHT_FROM) & (now % DAY < NIGHT_TO))
    if rows.size:
        today = np.floor(now[rows] / DAY).astype(np.int64)
        bins = spread_bins(tracks[rows], today)
        last = np.floor((now[rows] - 1) / BIN).astype(np.int64) - (today - 1) * BINS
        walked = bins[np.arange(rows.size)[:, None], last[:, None] - np.arange(WALK_BINS)].sum(axis=1)
        heard = (seen[rows] > now[rows, None] - WALK_SECONDS).sum(axis=1)
        walks[rows] = _weigh_walking(walked, heard)
    return walks


def learn_night(life: Life) -> float:
    """How much walking about is an alarm for somebody who lived these nights."""
    first, last = int(life.times[0] // DAY) + 1, int(life.times[-1] // DAY)
    most = np.array([_find_most_walking(life, day * DAY) for day in range(first, last + 1)])
    if not most.size:
        return POPULATION_WALK * WALK_MARGIN
    own = 0.5 * float(most.max()) + 0.5 * float(most.mean() + WALK_DEVIATIONS * most.std())
    usual = (most.size * own + POPULATION_NIGHTS * POPULATION_WALK) / (most.size + POPULATION_NIGHTS)
    return WALK_MARGIN * max(usual, LEAST_WALK)


def _find_most_walking(life: Life, midnight: float) -> float:
    """The most of one night, looked at every five minutes, as `measure_walks` would have it."""
    ticks = midnight + np.arange(NIGHT_FROM, NIGHT_TO, BIN)
    window = slice(*np.searchsorted(life.times, (midnight, midnight + NIGHT_TO)))
    times, keys, words = life.times[window], life.sensors[window], life.words[window]
    bins = np.unique(np.floor(times[words != BED] / BIN))
    most = 0.0
    ends = np.searchsorted(times, ticks, "right")
    begins = np.searchsorted(times, ticks - WALK_SECONDS, "right")
    last = np.floor((ticks - 1) / BIN)
    walked = np.searchsorted(bins, last, "right") - np.searchsorted(bins, last - WALK_BINS, "right")
    for tick in np.flatnonzero(walked):
        heard = np.unique(keys[begins[tick] : ends[tick]]).size
        most = max(most, float(_weigh_walking(walked[tick], np.array(heard))))
    return most


def _weigh_walking(walked: NDArray[np.int64], heard: NDArray[np.int64]) -> Seconds:
    return np.asarray(np.minimum(walked, BINS_A_SENSOR * heard) + SHARE_OF_SENSORS * np.minimum(heard, MOST_SENSORS))
