from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai.detector import (
    LEAST_ALLOWED,
    LEVELS,
    MARGINS,
    MOST_ALLOWED,
    TooLittleHistory,
    Validation,
    choose_margin,
    count_alarms,
    estimate_false_alarms,
    find_alarm_times,
    find_deciding_hour,
    fit_silences,
    grade_scores,
    score_silences,
)
from ai.features import DAY, HOUR

from .homes import MONDAY, live_days


def allow(hours: float, **exceptions: float) -> np.ndarray:
    """Allowed silences: `hours` at every hour of the day, others by name (`at_7=1.0`)."""
    table = np.full(24, hours * HOUR, dtype=np.float32)
    for name, value in exceptions.items():
        table[int(name.removeprefix("at_"))] = value * HOUR
    return table


def alarm_of(last: float, table: np.ndarray) -> float:
    return float(find_alarm_times(np.array([last]), table[None, :])[0])


def score_of(now: float, last: float, table: np.ndarray) -> float:
    return float(score_silences(now, np.array([last]), table[None, :])[0])


def test_an_alarm_comes_when_the_allowed_silence_is_over() -> None:
    assert alarm_of(MONDAY + 10.25 * HOUR, allow(3)) == MONDAY + 13.25 * HOUR


def test_an_hour_that_allows_less_raises_at_its_first_moment() -> None:
    last = MONDAY + 1 * HOUR
    assert alarm_of(last, allow(9, at_7=2)) == MONDAY + 7 * HOUR


def test_an_hour_that_allows_more_is_waited_for() -> None:
    last = MONDAY + 10.5 * HOUR
    assert alarm_of(last, allow(1, at_11=3, at_12=3, at_13=3)) == MONDAY + 13.5 * HOUR


def test_a_silence_goes_on_over_midnight() -> None:
    assert alarm_of(MONDAY + 22 * HOUR, allow(4)) == MONDAY + 26 * HOUR


def test_the_alarm_is_found_within_a_day_whatever_is_allowed() -> None:
    assert alarm_of(MONDAY + 5.9 * HOUR, allow(12)) == pytest.approx(MONDAY + 17.9 * HOUR)


tables = st.lists(st.floats(LEAST_ALLOWED, MOST_ALLOWED, width=32), min_size=24, max_size=24)


@settings(max_examples=200, deadline=None)
@given(tables, st.floats(0, DAY))
def test_the_score_reaches_one_exactly_at_the_alarm(hours: list[float], second: float) -> None:
    table = np.array(hours, dtype=np.float32)
    last = MONDAY + second
    alarm = alarm_of(last, table)
    assert score_of(alarm, last, table) >= 1
    assert score_of(alarm - 0.01, last, table) < 1
    assert score_of(alarm + 1, last, table) >= 1


@settings(max_examples=100, deadline=None)
@given(tables, st.floats(0, DAY), st.lists(st.floats(0, 2 * DAY), min_size=2, max_size=8))
def test_a_score_never_falls_while_the_silence_lasts(hours: list[float], second: float, waits: list[float]) -> None:
    table = np.array(hours, dtype=np.float32)
    last = MONDAY + second
    scores = [score_of(last + wait, last, table) for wait in sorted(waits)]
    assert scores == sorted(scores)


def test_an_event_that_is_ahead_of_the_clock_scores_nothing() -> None:
    assert score_of(MONDAY, MONDAY + 60, allow(1)) == 0


def test_many_seniors_are_scored_as_each_alone() -> None:
    random = np.random.default_rng(3)
    last = MONDAY + random.uniform(0, DAY, 50)
    table = random.uniform(LEAST_ALLOWED, MOST_ALLOWED, (50, 24)).astype(np.float32)
    now = MONDAY + 1.5 * DAY
    together = score_silences(now, last, table)
    assert together.tolist() == [score_of(now, at, row) for at, row in zip(last, table, strict=True)]


def test_levels_rise_with_the_share_of_the_allowed_silence() -> None:
    grades = grade_scores(np.array([0.0, 0.49, 0.5, 0.7, 0.999, 1.0, 3.0]))
    assert [LEVELS[grade] for grade in grades] == [
        "normal",
        "normal",
        "watch",
        "warning",
        "warning",
        "emergency",
        "emergency",
    ]


def test_the_deciding_hour_is_the_one_that_raised_the_alarm_also_later() -> None:
    table = allow(9, at_7=2)
    assert find_deciding_hour(MONDAY + 9.5 * HOUR, MONDAY + HOUR, table) == 7
    assert find_deciding_hour(MONDAY + 5.5 * HOUR, MONDAY + HOUR, table) == 5


def test_a_person_with_steady_days_gets_tight_limits_by_day_and_wide_ones_at_night() -> None:
    fitted = fit_silences(live_days(28))
    assert fitted.allowed.shape == (24,)
    assert fitted.allowed.dtype == np.float32
    assert fitted.allowed[15] < 3 * HOUR
    assert fitted.allowed[5] > 6 * HOUR
    assert fitted.metrics["days"] == 28
    assert fitted.metrics["learning"] == 0


def test_limits_stay_between_half_an_hour_and_twelve_hours() -> None:
    sparse = np.concatenate([MONDAY + day * DAY + np.array([8.0, 20.0]) * HOUR for day in range(14)])
    dense = np.arange(MONDAY, MONDAY + 10 * DAY, 30.0)
    assert fit_silences(sparse).allowed.max() == MOST_ALLOWED
    assert fit_silences(dense).allowed.min() == LEAST_ALLOWED


def test_a_week_of_days_is_needed() -> None:
    with pytest.raises(TooLittleHistory, match="6 days with events, 7 are needed"):
        fit_silences(live_days(6))
    assert fit_silences(live_days(7)).metrics["learning"] == 1


def test_no_history_is_too_little() -> None:
    with pytest.raises(TooLittleHistory):
        fit_silences(np.array([]))


def test_the_same_history_gives_the_same_weights() -> None:
    one, two = fit_silences(live_days(10)), fit_silences(live_days(10))
    assert one.allowed.tobytes() == two.allowed.tobytes()
    assert one.metrics == two.metrics


def test_only_silences_that_outlast_the_limit_are_counted_as_alarms() -> None:
    times = MONDAY + np.array([0.0, 1.0, 3.5, 4.0, 40.0]) * HOUR
    assert count_alarms(times, allow(2)) == 1


def test_the_smallest_margin_within_the_target_is_chosen() -> None:
    counts = np.array([[4, 2, 1, 0, 0, 0]])
    assert choose_margin(Validation(counts, np.array([4.0])), 0.25) == MARGINS[2]
    assert choose_margin(Validation(counts + 9, np.array([4.0])), 0.25) == MARGINS[-1]


def test_expected_false_alarms_come_from_folds_that_did_not_choose_the_margin() -> None:
    counts = np.array([[0, 0, 0, 0, 0, 0], [5, 4, 3, 2, 1, 0]])
    validation = Validation(counts, np.array([1.0, 1.0]))
    # the first fold lets the smallest margin pass, which then rings five times in the second
    assert estimate_false_alarms(validation, 0.25) == 2.5
