"""Made-up homes for the detector's tests: event times in local seconds, numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np

from ai.features import DAY, HOUR, Seconds

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
