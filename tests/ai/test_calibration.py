from __future__ import annotations

import numpy as np
import pytest

from ai.calibration import (
    POPULATION_LEVEL,
    PRIOR_PEAKS,
    TooLittleHistory,
    estimate_level,
    fit_habits,
    keep_peaks,
)
from ai.detector import begin_silences, find_alarm_times
from ai.features import DAY, HOUR, Life
from ai.habits import repeat_habits

from .homes import MONDAY, live_at_home, live_days, with_doors


def allowed_at(hour: float, life: Life) -> float:
    """How many hours a silence that begins at this hour at home may last."""
    habits = repeat_habits(fit_habits(life).habits, 1)
    start = np.array([MONDAY + hour * HOUR])
    return float(find_alarm_times(begin_silences(start, np.array([False])), habits)[0] - start[0]) / HOUR


def test_a_person_with_steady_days_gets_tight_limits_by_day_and_wide_ones_at_night() -> None:
    life = live_at_home(28)
    assert allowed_at(15, life) < 3
    assert allowed_at(22, life) > 8


def test_who_goes_out_by_the_door_is_missed_later_than_who_falls_at_home() -> None:
    times = live_days(28)
    of_day = times % DAY
    away = (of_day > 14 * HOUR) & (of_day < 17 * HOUR)
    doors = np.append(away[1:], False) & ~away
    life = with_doors(times[~away], doors[~away])
    habits = repeat_habits(fit_habits(life).habits, 2)
    start = np.full(2, MONDAY + 13.9 * HOUR)
    at_home, out = find_alarm_times(begin_silences(start, np.array([False, True])), habits) - start
    assert at_home + 0.75 * HOUR < out


def test_figures_of_a_fit_are_told() -> None:
    metrics = fit_habits(live_at_home(28)).metrics
    assert (metrics["days"], metrics["learning"]) == (28, 0)
    assert metrics["false_alarms_per_week"] < 1
    assert fit_habits(live_at_home(7)).metrics["learning"] == 1


def test_a_smaller_budget_makes_a_wider_margin() -> None:
    strict, lax = (fit_habits(live_at_home(14), target).habits.margin[0] for target in (0.1, 1.0))
    assert strict > lax


def test_a_week_of_days_is_needed() -> None:
    with pytest.raises(TooLittleHistory, match="6 days with events, 7 are needed"):
        fit_habits(live_at_home(6))


def test_no_history_is_too_little() -> None:
    with pytest.raises(TooLittleHistory):
        fit_habits(live_at_home(0))


def test_the_same_history_gives_the_same_weights() -> None:
    one, two = fit_habits(live_at_home(10)), fit_habits(live_at_home(10))
    assert [values.tobytes() for values in one.habits] == [values.tobytes() for values in two.habits]
    assert one.metrics == two.metrics


def test_a_young_home_leans_on_the_population_and_an_old_one_on_itself() -> None:
    peaks = np.full(200, 0.5)
    _, young = estimate_level(peaks, 2.0, POPULATION_LEVEL)
    _, old = estimate_level(peaks, 50.0, POPULATION_LEVEL)
    assert young == pytest.approx((4 * 0.5 + PRIOR_PEAKS * POPULATION_LEVEL) / (4 + PRIOR_PEAKS))
    assert young < old < 0.5


def test_a_home_without_peaks_is_the_population() -> None:
    assert estimate_level(np.array([]), 2.0, POPULATION_LEVEL)[1] == pytest.approx(POPULATION_LEVEL)


def test_of_peaks_within_six_hours_only_the_highest_counts() -> None:
    starts = MONDAY + np.array([0.0, 5.0, 11.5]) * HOUR
    assert keep_peaks(np.array([0.1, 0.4, 0.2]), starts).tolist() == [0.4, 0.2]
