"""A replay says what the ticks said, and its figures can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ai.calibration import fit_habits
from ai.excluded_spans import leave_out_days
from ai.features import DAY, HOUR
from ai.habits import repeat_habits
from ai.judgement import judge
from ai.promotion import judge_replay
from ai.replay import STEP, measure_replay, score_past, trace_past
from ai.tracks import empty_tracks, hear_life, take_in

from .homes import MONDAY, live_at_home

LIFE = live_at_home(21)
HABITS = fit_habits(LIFE).habits
START = MONDAY + 17 * DAY


def test_a_replay_scores_as_ticks_over_the_same_hours_do() -> None:
    past = trace_past(LIFE, START, START + DAY)
    replayed = score_past(past, HABITS)
    tracks, one = empty_tracks(1), repeat_habits(HABITS, 1)
    known = LIFE.times <= START - 3 * DAY
    for moment, score in zip(past.moments, replayed, strict=True):
        heard = ~known & (LIFE.times <= moment)
        take_in(tracks, hear_life(LIFE.choose(heard & (LIFE.times > moment - 3 * DAY)), 0))
        assert judge(tracks, one, moment).score[0] == pytest.approx(score, abs=1e-9)


def test_an_ordinary_past_has_no_alarm_and_falls_are_found_within_hours() -> None:
    figures = measure_replay(trace_past(LIFE, START, START + 3 * DAY), HABITS)
    assert figures["weeks"] == round(3 / 7, 2)
    assert figures["alarms"] == 0
    assert 0.5 <= figures["fall_hours"] <= 12


def test_a_day_without_a_sign_is_an_alarm() -> None:
    gone = (LIFE.times > START + 10 * HOUR) & (LIFE.times < START + 34 * HOUR)
    figures = measure_replay(trace_past(LIFE.choose(~gone), START, START + 2 * DAY), HABITS)
    assert figures["alarms"] >= 1


def test_what_was_no_ordinary_time_is_not_judged() -> None:
    gone = (LIFE.times > START + 10 * HOUR) & (LIFE.times < START + 34 * HOUR)
    excluded = np.array([[START + 10 * HOUR, START + 35 * HOUR]])
    past = trace_past(LIFE.choose(~gone), START, START + 2 * DAY, excluded)
    assert measure_replay(past, HABITS)["alarms"] == 0
    assert past.moments.size < 2 * DAY / STEP


def test_a_home_that_never_gave_a_sign_has_nothing_to_judge() -> None:
    past = trace_past(LIFE.choose(LIFE.times < 0), START, START + DAY)
    assert past.moments.size == 0
    assert score_past(past, HABITS).size == 0


def test_days_that_a_span_touches_teach_nothing() -> None:
    span = np.array([[MONDAY + 3 * DAY + 14 * HOUR, MONDAY + 4 * DAY + 9 * HOUR]])
    kept = leave_out_days(LIFE, span)
    days = np.unique(np.floor((kept.times - MONDAY) / DAY))
    assert days.tolist() == [day for day in range(21) if day not in (3, 4)]
    assert np.diff(kept.times).max() > DAY


@pytest.mark.parametrize(
    ("candidate", "active", "status"),
    [
        ({"weeks": 2, "alarms": 4, "fall_hours": 3}, {}, "rejected"),
        ({"weeks": 2, "alarms": 3, "fall_hours": 3}, {}, None),
        ({"weeks": 2, "alarms": 3, "fall_hours": 3}, {"weeks": 2, "alarms": 1, "fall_hours": 3}, "pending"),
        ({"weeks": 2, "alarms": 1, "fall_hours": 7}, {"weeks": 2, "alarms": 1, "fall_hours": 4}, "pending"),
        ({"weeks": 2, "alarms": 0, "fall_hours": 7}, {"weeks": 2, "alarms": 1, "fall_hours": 4}, None),
        ({"weeks": 2, "alarms": 1, "fall_hours": 3}, {"weeks": 2, "alarms": 1, "fall_hours": 4}, None),
        ({}, {"weeks": 2, "alarms": 1}, None),
    ],
)
def test_the_last_weeks_refuse_who_rings_too_often_and_hold_back_who_is_worse(
    candidate: dict[str, float], active: dict[str, float], status: str | None
) -> None:
    verdict = judge_replay(candidate, active)
    assert (verdict.status if verdict else None) == status
