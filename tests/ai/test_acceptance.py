"""The acceptance protocol's detector is the product's: same weights, same judgement."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

from ai.acceptance import LEAST_REPORTED, NOBODY, Detector
from ai.calibration import LEAST_DAYS
from ai.detector import LEAST_ALLOWED
from ai.features import HOUR, read_events
from ai.findings import Cases, judge_cases
from ai.habit_weights import unpack_habits
from ai.habits import stack_habits
from ai.tracks import empty_tracks, hear_life, take_in

from .homes import MONDAY, live_days


class Event(NamedTuple):
    t: float
    sensor_id: str
    content: str


def live_events(days: int) -> list[Event]:
    """Somebody whose every ninth sign is a door's, the others of three rooms."""
    return [
        Event(float(at), *(("현관", "door open") if place % 9 == 0 else (f"방 {place // 5 % 3}", "motion on")))
        for place, at in enumerate(live_days(days))
    ]


EVENTS = live_events(LEAST_DAYS + 2)
WEIGHTS = Detector().fit(EVENTS)
NONE = np.zeros(1, dtype=np.int64)


def test_a_replayed_home_scores_as_the_tick_scores_it() -> None:
    _, habits = unpack_habits(WEIGHTS, NOBODY)
    tracks = empty_tracks(1)
    detector = Detector()
    detector.start(WEIGHTS, EVENTS[0].t)
    compared = 0
    for _place, (event, following) in enumerate(pairwise(EVENTS[:400])):
        detector.on_event(event)
        take_in(tracks, hear_life(read_events([event]), 0))
        cases = Cases(NONE, tracks, stack_habits([habits]), NONE, NONE, NONE)
        for now in np.arange(event.t + LEAST_ALLOWED / 2, following.t, LEAST_ALLOWED / 2):
            detector.on_heartbeat(now)
            alarms = detector.on_tick(now)
            said = judge_cases(now, cases).said
            told = {alarm.kind: alarm.score for alarm in alarms}
            (emergency,) = {kind for kind in told if kind in {"inactivity", "no_wakeup", "not_returned"}} or {""}
            assert told.get(emergency, 0.0) == pytest.approx(said.score[0], abs=1e-9) or said.score[0] <= LEAST_REPORTED
            assert told.get("wandering", 0.0) == pytest.approx(said.wandering[0]) or said.wandering[0] <= LEAST_REPORTED
            compared += 1
    assert compared > 100


def test_a_hub_that_says_nothing_is_a_fault_and_no_emergency() -> None:
    detector = Detector()
    detector.start(WEIGHTS, MONDAY)
    detector.on_event(Event(MONDAY + 12 * HOUR, "방 1", "motion on"))
    detector.on_heartbeat(MONDAY + 12 * HOUR)
    assert {alarm.kind for alarm in detector.on_tick(MONDAY + 30 * HOUR)} == {"device_fault"}
    detector.on_heartbeat(MONDAY + 30 * HOUR)
    (alarm,) = detector.on_tick(MONDAY + 30 * HOUR)
    assert alarm.kind == "inactivity"
    assert alarm.score >= 1
