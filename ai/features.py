"""What is learned from a home's events: how long it stays silent at which hour of the day.

Times are seconds of the wall clock in Asia/Seoul, counted as if that clock were UTC, so `t % DAY` is the time of day.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]

HOUR = 3600.0
DAY = 86_400.0

# Korea has had no summer time since 1988, and no home has events from before.
SEOUL_OFFSET = 9 * HOUR

# A longer gap is an absence (or a dead hub), from which nothing is learned about a person who is at home.
LONGEST_GAP = DAY

# First words of `event_content` that say somebody moved. A panic button or a gas sensor says other things.
ACTIVITY_WORDS = ("motion", "door", "bed", "seat", "toilet", "contact", "item", "light", "power")


def to_local(epoch_seconds: Seconds) -> Seconds:
    """Seconds of the wall clock in Asia/Seoul from seconds since the epoch."""
    return epoch_seconds + SEOUL_OFFSET


def to_epoch(local_seconds: Seconds) -> Seconds:
    """The inverse of `to_local`."""
    return local_seconds - SEOUL_OFFSET


def count_days(times: Seconds) -> int:
    """On how many calendar days there was any event."""
    return int(np.unique(np.floor(times / DAY)).size)


def measure_longest_silences(times: Seconds) -> Seconds:
    """The longest silence that was reached within each hour of the day: 24 values in seconds, 0 where there was none.

    `times` are ascending. A silence from a to b reaches, within an hour that ends at e, the length min(b, e) - a;
    gaps beyond `LONGEST_GAP` are left out.
    """
    longest = np.zeros(24)
    gaps = np.diff(times)
    use = (gaps > 0) & (gaps <= LONGEST_GAP)
    start, end = times[:-1][use], times[1:][use]
    if not start.size:
        return longest
    first_hour = np.floor(start / HOUR)
    hours = (np.floor(end / HOUR) - first_hour + 1).astype(np.int64)
    step = np.arange(hours.sum()) - np.repeat(np.cumsum(hours) - hours, hours)
    hour = np.repeat(first_hour, hours) + step
    reached = np.minimum(np.repeat(end, hours), (hour + 1) * HOUR) - np.repeat(start, hours)
    np.maximum.at(longest, (hour % 24).astype(np.int64), reached)
    return longest
