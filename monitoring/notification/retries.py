"""When a failed message is tried again. Pure."""

from __future__ import annotations

from .models import Purpose

# seconds before the next try; the last one repeats
URGENT_WAITS_S = (5, 10, 20, 40, 60)
CALM_WAITS_S = (30, 120, 600, 1800)
MOST_TRIES = {True: 12, False: 6}
LONGEST_WAIT_S = {True: 60, False: 3600}
URGENT = {Purpose.ALERT, Purpose.ASK, Purpose.CALL, Purpose.CODE, Purpose.TEST}


def next_try_s(purpose: str, tries: int, asked_s: float | None = None) -> float | None:
    """Seconds until the next try after `tries` of them failed, None when it is given up.

    A carrier's own wish (`asked_s`) lengthens the wait, for what is urgent to a minute at most.
    """
    urgent = purpose in URGENT
    if tries >= MOST_TRIES[urgent]:
        return None
    waits = URGENT_WAITS_S if urgent else CALM_WAITS_S
    wait = float(waits[min(tries, len(waits)) - 1])
    return min(max(wait, asked_s or 0), LONGEST_WAIT_S[urgent])
