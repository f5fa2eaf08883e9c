from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai.detector import (
    LEAST_ALLOWED,
    LEVELS,
    MOST_ALLOWED,
    begin_silences,
    find_alarm_times,
    find_usual_silences,
    grade_scores,
    score_silences,
)
from ai.features import DAY, HOUR
from ai.habits import Habits, repeat_habits, stack_habits

from .homes import MONDAY, lasting, make_habits

ASLEEP_FOR_EVER = DAY


def alarm_of(last: float, habits: Habits, *, out: bool = False) -> float:
    return float(find_alarm_times(begin_silences(np.array([last]), np.array([out])), repeat_habits(habits, 1))[0])


def score_of(now: float, last: float, habits: Habits, *, out: bool = False) -> float:
    return float(
        score_silences(np.array(now), begin_silences(np.array([last]), np.array([out])), repeat_habits(habits, 1))[0]
    )


def habits_of(at_home: float, anywhere: float, margin: float = 1.0, rising: float = ASLEEP_FOR_EVER) -> Habits:
    home, everywhere = np.full((2, 48), at_home * HOUR), np.full((2, 48), anywhere * HOUR)
    return lasting(home, everywhere, rising=rising, margin=margin)


def test_an_alarm_comes_when_the_usual_silence_and_its_margin_are_over() -> None:
    assert alarm_of(MONDAY + 10.25 * HOUR, make_habits(3, 2)) == pytest.approx(MONDAY + 13.25 * HOUR)


def test_a_half_hour_that_allows_less_raises_at_its_first_moment() -> None:
    habits = make_habits(9, 6)
    habits.at_home[0, 14] = habits.anywhere[0, 14] = HOUR
    assert alarm_of(MONDAY + 1 * HOUR, habits) == MONDAY + 7 * HOUR


def test_a_silence_goes_on_over_midnight() -> None:
    assert alarm_of(MONDAY + 22 * HOUR, make_habits(4, 3)) == pytest.approx(MONDAY + 26 * HOUR)


def test_whoever_left_by_the_door_is_given_the_time_of_outings() -> None:
    habits = habits_of(2, 6)
    at_home, out = (alarm_of(MONDAY + 10 * HOUR, habits, out=out) for out in (False, True))
    assert at_home < out == pytest.approx(MONDAY + 16 * HOUR)


def test_whoever_may_have_left_unheard_is_given_a_part_of_it() -> None:
    # 0.5 * ln(s / 9 h) + ln 1.5 is nought at 4 h
    assert alarm_of(MONDAY + 10 * HOUR, habits_of(2, 9)) == pytest.approx(MONDAY + 14 * HOUR)


def test_a_night_that_does_not_end_raises_after_the_latest_rising() -> None:
    habits = habits_of(10, 10, rising=8 * HOUR)
    assert alarm_of(MONDAY + 3 * HOUR, habits) == pytest.approx(MONDAY + 8 * HOUR)
    assert alarm_of(MONDAY + 5.5 * HOUR, habits) > MONDAY + 14 * HOUR


def test_whoever_stirred_just_before_five_may_sleep_on_for_a_while() -> None:
    assert alarm_of(MONDAY + 4.9 * HOUR, habits_of(10, 10, rising=5.5 * HOUR)) == pytest.approx(MONDAY + 6.4 * HOUR)


def test_nothing_rings_under_half_an_hour_and_everything_after_twelve() -> None:
    assert alarm_of(MONDAY + 10 * HOUR, habits_of(0.1, 0.1)) == MONDAY + 10 * HOUR + LEAST_ALLOWED
    assert alarm_of(MONDAY + 5.9 * HOUR, habits_of(20, 20)) == MONDAY + 5.9 * HOUR + MOST_ALLOWED


tables = st.lists(st.floats(0.5, 16), min_size=96, max_size=96)


@settings(max_examples=150, deadline=None)
@given(tables, st.floats(0, DAY), st.booleans(), st.floats(0.7, 2.0), st.floats(5, 14))
def test_the_score_reaches_one_exactly_at_the_alarm(
    hours: list[float], second: float, out: bool, margin: float, rising: float
) -> None:
    anywhere = np.array(hours).reshape(2, 48) * HOUR
    habits = lasting(anywhere / 2, anywhere, rising=rising * HOUR, margin=margin)
    last = MONDAY + second
    alarm = alarm_of(last, habits, out=out)
    assert last + LEAST_ALLOWED <= alarm <= last + MOST_ALLOWED
    assert score_of(alarm, last, habits, out=out) >= 1
    assert score_of(alarm - 0.01, last, habits, out=out) < 1
    assert score_of(alarm + 1, last, habits, out=out) >= 1


@settings(max_examples=100, deadline=None)
@given(tables, st.floats(0, DAY), st.lists(st.floats(0, 2 * DAY), min_size=2, max_size=8))
def test_a_score_never_falls_while_the_silence_lasts(hours: list[float], second: float, waits: list[float]) -> None:
    table = np.array(hours).reshape(2, 48) * HOUR
    habits = lasting(table, table, rising=9 * HOUR, margin=1.3)
    last = MONDAY + second
    scores = [score_of(last + wait, last, habits) for wait in sorted(waits)]
    assert scores == sorted(scores)


def test_an_event_that_is_ahead_of_the_clock_scores_nothing() -> None:
    assert score_of(MONDAY, MONDAY + 60, make_habits(1, 1)) == 0


def test_many_seniors_are_scored_as_each_alone() -> None:
    random = np.random.default_rng(3)
    last, out = MONDAY + random.uniform(0, DAY, 50), random.random(50) < 0.5
    tables = random.uniform(LEAST_ALLOWED, MOST_ALLOWED, (50, 2, 2, 48))
    homes = [lasting(home, anywhere, rising=7 * HOUR, margin=1.2) for home, anywhere in tables]
    now = MONDAY + 1.5 * DAY
    together = score_silences(np.array(now), begin_silences(last, out), stack_habits(homes))
    alone = [score_of(now, at, home, out=left) for at, home, left in zip(last, homes, out, strict=True)]
    assert np.allclose(together, alone, rtol=1e-12)


def test_levels_rise_with_the_score() -> None:
    grades = grade_scores(np.array([0.0, 0.49, 0.5, 0.8, 0.999, 1.0, 3.0]))
    levels = ["normal", "normal", "watch", "warning", "warning", "emergency", "emergency"]
    assert [LEVELS[grade] for grade in grades] == levels


def test_the_usual_silence_is_that_of_the_present_half_hour() -> None:
    habits = make_habits(3, 2)
    habits.at_home[0, 19] = HOUR
    moments = MONDAY + np.array([9.25, 9.75]) * HOUR
    assert find_usual_silences(moments, repeat_habits(habits, 2)).tolist() == [2 * HOUR, HOUR]
