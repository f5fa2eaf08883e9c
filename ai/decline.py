"""A slow decline: fewer bins with activity by day, more by night, over weeks. Pure.

Of each whole day two numbers are known: in how many 5-minute bins the home was active from 8 to 21 o'clock, and in how
many from 23 to 6, out of bed. The means of the last 7, 10 and 14 days are held against the mean and spread of the days
that taught; a span of w days has the score

    sqrt(w / 2) * ((mean - days) / spread by day  +  (nights - mean) / spread by night) / LIMIT

and the highest of the three counts. A day without any sign is an absence and is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .features import BED, BIN, Seconds
from .habits import LEAST_DAY_SPREAD
from .tracks import BINS, DAYS, IS_DAYTIME, IS_NIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .features import Life
    from .habits import Habits
    from .tracks import Tracks

SPANS = (7, 10, 14)
LEAST_DAYS_TAUGHT = 28
LIMIT = 7.0
# What is usual varies by so much at least: of the daytime's mean, and in bins by night.
LEAST_SPREAD_DAY = 0.08
LEAST_SPREAD_NIGHT = 1.0
UNKNOWN = np.array([0.0, 1e6, 0.0, 1e6])


def learn_usual_days(life: Life) -> Seconds:
    """Mean and spread by day, and by night: shape (4,). A spread without end while there are less than four weeks."""
    afoot = life.words != BED
    bins = np.unique(np.floor(life.times[afoot] / BIN).astype(np.int64))
    days = bins // BINS
    first = int(days[0]) + 1 if bins.size else 0
    count = int(days[-1]) - first if bins.size else 0
    if count < LEAST_DAYS_TAUGHT:
        return UNKNOWN
    figures = []
    lived = np.bincount((days - first)[(days >= first) & (days < first + count)], minlength=count) > 0
    for chosen, least in ((IS_DAYTIME, LEAST_SPREAD_DAY), (IS_NIGHT, LEAST_SPREAD_NIGHT)):
        kept = days[chosen[bins % BINS]] - first
        counts = np.bincount(kept[(kept >= 0) & (kept < count)], minlength=count)[lived]
        mean = float(counts.mean())
        floor = least * mean if chosen is IS_DAYTIME else least
        figures += [mean, max(float(counts.std()), floor, LEAST_DAY_SPREAD)]
    return np.array(figures)


def score_decline(tracks: Tracks, today: NDArray[np.int64], habits: Habits) -> Seconds:
    """Shape (n,), 1 is to be told; the days before `today` are judged, so it changes once a day."""
    usual = habits.usual_days.astype(np.float64)
    scores = np.zeros(len(tracks))
    known = np.flatnonzero(usual[:, 1] < UNKNOWN[1])
    if not known.size:
        return scores
    usual, tracks, today = usual[known], tracks[known], today[known]
    days = today[:, None] - 1 - np.arange(max(SPANS))
    remembered = (days <= tracks["day"][:, None]) & (tracks["day"][:, None] - days < DAYS)
    rows = np.arange(known.size)[:, None]
    daytime = tracks["daytime"][rows, days % DAYS].astype(np.float64) - 1
    night = tracks["night"][rows, days % DAYS].astype(np.float64) - 1
    lived = remembered & (daytime >= 0) & (daytime + night > 0)
    less = np.where(lived, (usual[:, :1] - daytime) / usual[:, 1:2], 0)
    more = np.where(lived, (night - usual[:, 2:3]) / usual[:, 3:4], 0)
    for span in SPANS:
        count = np.maximum(lived[:, :span].sum(axis=1), 1)
        both = (less[:, :span].sum(axis=1) + more[:, :span].sum(axis=1)) / count
        enough = lived[:, :span].sum(axis=1) >= 0.7 * span
        scores[known] = np.maximum(scores[known], np.where(enough, np.sqrt(count / 2) * both / LIMIT, 0))
    return scores
