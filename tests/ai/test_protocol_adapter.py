"""The acceptance protocol's detector is the product's: same weights, same judgement."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

from ai.calibration import LEAST_DAYS
from ai.detector import LEAST_ALLOWED
from ai.features import HOUR, Life, find_leavings, to_epoch
from ai.findings import Case, judge_cases
from ai.habit_weights import unpack_habits
from ai.protocol_adapter import NOBODY, Detector
from ai.resident_weights import LoadedWeights
from ai.weight_store import WeightRef

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


def test_a_replayed_home_scores_as_the_tick_scores_it() -> None:
    _, habits = unpack_habits(WEIGHTS, NOBODY)
    loaded = LoadedWeights(WeightRef(1, NOBODY, 1, "", "", len(WEIGHTS)), habits)
    detector = Detector()
    detector.start(WEIGHTS, EVENTS[0].t)
    compared = 0
    for place, (event, following) in enumerate(pairwise(EVENTS[:400])):
        detector.on_event(event)
        known = Life(
            np.array([one.t for one in EVENTS[: place + 1]]),
            np.array([one.content.startswith("door") for one in EVENTS[: place + 1]]),
        )
        out = bool(find_leavings(known)[-1])
        for now in np.arange(event.t + LEAST_ALLOWED / 2, following.t, LEAST_ALLOWED / 2):
            detector.on_heartbeat(now)
            alarms = detector.on_tick(now)
            epoch_now, epoch_last = (float(to_epoch(np.array(at))) for at in (now, event.t))
            (finding,) = judge_cases(epoch_now, [Case(NOBODY, epoch_last, loaded, None, out)])
            if alarms:
                # a finding's score is rounded to four places and ends at 1
                assert finding.score == pytest.approx(min(1.0, alarms[0].score), abs=6e-5)
            else:
                assert finding.score <= 0.1
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
