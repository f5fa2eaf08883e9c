"""The acceptance protocol's detector is the product's: same weights, same judgement."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

from ai.calibration import LEAST_DAYS
from ai.detector import LEAST_ALLOWED
from ai.features import HOUR
from ai.findings import Cases, judge_cases
from ai.habit_weights import unpack_habits
from ai.habits import stack_habits
from ai.protocol_adapter import NOBODY, Detector
from ai.signs import Heard, empty_signs, find_out, take_in

from .homes import MONDAY, live_days


class Event(NamedTuple):
    t: float
    content: str


def live_events(days: int) -> list[Event]:
    """Somebody whose every ninth sign is a door's."""
    return [
        Event(float(at), "door open" if place % 9 == 0 else "motion on") for place, at in enumerate(live_days(days))
    ]


EVENTS = live_events(LEAST_DAYS + 2)
WEIGHTS = Detector().fit(EVENTS)
NONE = np.zeros(1, dtype=np.int64)


def test_a_replayed_home_scores_as_the_tick_scores_it() -> None:
    _, habits = unpack_habits(WEIGHTS, NOBODY)
    signs = empty_signs(1)
    detector = Detector()
    detector.start(WEIGHTS, EVENTS[0].t)
    compared = 0
    for _place, (event, following) in enumerate(pairwise(EVENTS[:400])):
        detector.on_event(event)
        take_in(signs, Heard(np.zeros(1, int), np.array([event.t]), np.array([event.content.startswith("door")])))
        cases = Cases(NONE, signs["last"], find_out(signs), stack_habits([habits]), NONE, NONE, NONE)
        for now in np.arange(event.t + LEAST_ALLOWED / 2, following.t, LEAST_ALLOWED / 2):
            detector.on_heartbeat(now)
            alarms = detector.on_tick(now)
            score = judge_cases(now, cases).scores[0]
            assert alarms[0].score == pytest.approx(score, abs=1e-9) if alarms else score <= 0.1
            compared += 1
    assert compared > 100


def test_a_hub_that_says_nothing_is_a_fault_and_no_emergency() -> None:
    detector = Detector()
    detector.start(WEIGHTS, MONDAY)
    detector.on_event(Event(MONDAY + 12 * HOUR, "motion on"))
    detector.on_heartbeat(MONDAY + 12 * HOUR)
    assert {alarm.kind for alarm in detector.on_tick(MONDAY + 30 * HOUR)} == {"device_fault"}
    detector.on_heartbeat(MONDAY + 30 * HOUR)
    (alarm,) = detector.on_tick(MONDAY + 30 * HOUR)
    assert alarm.kind == "inactivity"
    assert alarm.score >= 1
