"""Made-up homes for the detector's tests: event times in local seconds, numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np

from ai.features import ACTIVITY_WORDS, DAY, DOOR, HOUR, Flags, Life, Seconds
from ai.habits import POPULATION, Habits

# A Monday at midnight of the wall clock.
MONDAY = 20_000 * DAY


def live_days(days: int, *, seed: int = 1, up: float = 7.0, down: float = 22.0) -> Seconds:
    """Somebody who moves about every ten minutes between getting up and going to bed, and sleeps through the night."""
    random = np.random.default_rng(seed)
    times: list[float] = []
    for day in range(days):
        at = MONDAY + day * DAY + (up + random.uniform(-0.3, 0.3)) * HOUR
        end = MONDAY + day * DAY + (down + random.uniform(-0.3, 0.3)) * HOUR
        while at < end:
            times.append(at)
            at += random.exponential(600.0)
    return np.array(times)


def live_at_home(days: int, *, seed: int = 1) -> Life:
    """The same without a single door."""
    times = live_days(days, seed=seed)
    return with_doors(times, np.zeros(times.size, dtype=np.bool_))


def with_doors(times: Seconds, doors: Flags) -> Life:
    """A home of one motion sensor and one door."""
    words = np.where(doors, DOOR, ACTIVITY_WORDS.index("motion")).astype(np.uint8)
    return Life(times, np.where(doors, 2, 1).astype(np.uint32), words)


def lasting(at_home: Seconds, anywhere: Seconds, *, rising: float, margin: float) -> Habits:
    """Habits of these two tables, of somebody of whom nothing else is known."""
    return POPULATION._replace(at_home=at_home, anywhere=anywhere, rising=np.full(2, rising), margin=np.array([margin]))


def make_habits(allowed_hours: float, usual_hours: float) -> Habits:
    """Habits that are the same at every hour, at home and away, of somebody who may sleep as long as they like."""
    table = np.full((2, 48), usual_hours * HOUR, dtype=np.float32)
    margin = np.array([allowed_hours / usual_hours], dtype=np.float32)
    rising = np.full(2, DAY, dtype=np.float32)
    return POPULATION._replace(at_home=table, anywhere=table, rising=rising, margin=margin)
