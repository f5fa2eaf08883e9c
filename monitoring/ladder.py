"""The ladder of an emergency that nobody has taken: who hears of it next, and when. Pure."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from .models import Severity

REPEAT_S = 180


class Rung(IntEnum):
    CASEWORKERS = 0
    ON_DUTY = 1
    SUPERVISORS = 2
    EVERYBODY = 3


# seconds after the raising at which each rung is stepped on
STEPS_S = {
    Severity.CRITICAL: {Rung.ON_DUTY: 60, Rung.SUPERVISORS: 180},
    Severity.HIGH: {Rung.ON_DUTY: 60, Rung.SUPERVISORS: 180},
    Severity.MEDIUM: {Rung.ON_DUTY: 15 * 60, Rung.SUPERVISORS: 60 * 60},
}


class Step(NamedTuple):
    rung: Rung
    wait_s: int


def next_step(severity: str, rung: int) -> Step:
    """The rung after `rung`, and how long after `rung` was stepped on it is due. The last one comes again and again."""
    steps = STEPS_S[Severity(severity)]
    if rung < Rung.ON_DUTY:
        return Step(Rung.ON_DUTY, steps[Rung.ON_DUTY])
    if rung < Rung.SUPERVISORS:
        return Step(Rung.SUPERVISORS, steps[Rung.SUPERVISORS] - steps[Rung.ON_DUTY])
    return Step(Rung.EVERYBODY, REPEAT_S)
