from __future__ import annotations

import numpy as np

from ai.features import (
    DAY,
    HOUR,
    LONGEST_GAP,
    Life,
    count_days,
    find_risings,
    list_silences,
    measure_days,
    to_epoch,
    to_local,
)

from .homes import MONDAY, live_at_home, with_doors

FIRST = int(MONDAY // DAY)


def life_of(hours: list[float], doors: tuple[int, ...] = ()) -> Life:
    """Events at these hours from Monday midnight on; `doors` are the places of those that were a door's."""
    return with_doors(MONDAY + np.array(hours) * HOUR, np.isin(np.arange(len(hours)), doors))


def test_a_silence_is_known_to_every_half_hour_it_passes_by_its_length_so_far() -> None:
    (by_now, _) = measure_days(list_silences(life_of([1.25, 2.75])), FIRST, 1)[:, 0]
    assert by_now[2:6].tolist() == [0.25 * HOUR, 0.75 * HOUR, 1.25 * HOUR, 1.5 * HOUR]
    assert by_now[6:].max() == by_now[:2].max() == 0


def test_a_silence_is_known_to_every_half_hour_by_what_is_left_of_it() -> None:
    (_, begun) = measure_days(list_silences(life_of([1.25, 2.75])), FIRST, 1)[:, 0]
    assert begun[2:6].tolist() == [1.5 * HOUR, 1.25 * HOUR, 0.75 * HOUR, 0.25 * HOUR]


def test_a_silence_over_midnight_belongs_to_the_day_it_began_on() -> None:
    by_now = measure_days(list_silences(life_of([23, 25])), FIRST, 2)[0]
    assert by_now[0, 47] == HOUR
    assert by_now[0, 1] == 2 * HOUR
    assert not by_now[1].any()


def test_an_absence_of_more_than_a_day_teaches_nothing() -> None:
    assert not list_silences(life_of([0, LONGEST_GAP / HOUR + 0.1])).starts.size


def test_everyday_pauses_teach_nothing() -> None:
    assert not list_silences(life_of([0, 0, 0.08])).starts.size


def test_no_events_at_all_have_no_silences() -> None:
    assert not measure_days(list_silences(life_of([])), FIRST, 1).any()


def test_whoever_was_last_heard_at_a_door_is_out() -> None:
    silences = list_silences(life_of([1, 2, 2.01, 4, 4.1, 6], doors=(1, 3)))
    # after the door at 2:00 somebody stirred within a minute; after the one at 4:00 only six minutes later
    assert silences.out.tolist() == [False, True, True, False]


def test_the_tables_agree_with_looking_at_each_minute() -> None:
    times = live_at_home(5).times
    minutes = np.arange(times[0], times[-1], 60.0)
    silent = minutes - times[np.searchsorted(times, minutes, side="right") - 1]
    seen = np.zeros(48)
    np.maximum.at(seen, (minutes % DAY // 1800).astype(int), silent)
    longest = measure_days(list_silences(live_at_home(5)), FIRST, 5)[0].max(axis=0)
    rare = seen > 600
    assert rare.any()
    assert (longest[rare] >= seen[rare]).all()
    assert (longest[rare] - seen[rare] <= 60).all()


def test_the_day_begins_with_the_first_sign_after_five() -> None:
    risings = find_risings(MONDAY + np.array([3.0, 4.9, 7.5, 9.0, 24 + 15.0]) * HOUR, FIRST, 3)
    assert risings[0] == 7.5 * HOUR
    assert np.isnan(risings[1:]).all()


def test_days_with_events_are_counted() -> None:
    assert count_days(MONDAY + np.array([0.0, HOUR, 3 * DAY])) == 2


def test_the_wall_clock_in_seoul_is_nine_hours_ahead_and_comes_back() -> None:
    assert to_local(np.array(0.0)) == 9 * HOUR
    assert to_epoch(to_local(np.array(12.5))) == 12.5
