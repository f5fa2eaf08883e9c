from __future__ import annotations

import numpy as np

from ai.features import DAY, HOUR, LONGEST_GAP, count_days, measure_longest_silences, to_epoch, to_local

from .homes import MONDAY, live_days


def test_a_silence_is_known_to_every_hour_it_passes_by_its_length_so_far() -> None:
    longest = measure_longest_silences(np.array([MONDAY + 1.5 * HOUR, MONDAY + 4.25 * HOUR]))
    assert longest[1] == 0.5 * HOUR
    assert longest[2] == 1.5 * HOUR
    assert longest[3] == 2.5 * HOUR
    assert longest[4] == 2.75 * HOUR
    assert longest[5] == 0


def test_a_silence_over_midnight_goes_on_in_the_first_hours() -> None:
    longest = measure_longest_silences(np.array([MONDAY + 23 * HOUR, MONDAY + 25 * HOUR]))
    assert longest[23] == HOUR
    assert longest[0] == 2 * HOUR


def test_of_two_silences_in_an_hour_the_longer_counts() -> None:
    times = MONDAY + np.array([10.0, 10.2, 10.9, 10.95]) * HOUR
    assert np.isclose(measure_longest_silences(times)[10], 0.7 * HOUR)


def test_an_absence_of_more_than_a_day_teaches_nothing() -> None:
    times = np.array([MONDAY, MONDAY + LONGEST_GAP + 1])
    assert not measure_longest_silences(times).any()


def test_two_events_of_one_moment_are_no_silence() -> None:
    assert not measure_longest_silences(np.array([MONDAY, MONDAY])).any()


def test_no_events_at_all_have_no_silences() -> None:
    assert measure_longest_silences(np.array([])).shape == (24,)


def test_the_sums_agree_with_looking_at_each_minute() -> None:
    times = live_days(5)
    minutes = np.arange(times[0], times[-1], 60.0)
    silent = minutes - times[np.searchsorted(times, minutes, side="right") - 1]
    seen = np.zeros(24)
    np.maximum.at(seen, (minutes % DAY // HOUR).astype(int), silent)
    longest = measure_longest_silences(times)
    assert (longest >= seen).all()
    assert (longest - seen <= 60).all()


def test_days_with_events_are_counted() -> None:
    assert count_days(MONDAY + np.array([0.0, HOUR, 3 * DAY])) == 2


def test_the_wall_clock_in_seoul_is_nine_hours_ahead_and_comes_back() -> None:
    assert to_local(np.array(0.0)) == 9 * HOUR
    assert to_epoch(to_local(np.array(12.5))) == 12.5
