"""The generated resident: the same life from the same seed, and a life that a person could live."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.ingest import check_content, check_sensor_id
from portal.simulation.habits import draw_habits
from portal.simulation.recordings import SEOUL, SensorEvent
from portal.simulation.resident import days, season, wake_hour

if TYPE_CHECKING:
    from collections.abc import Iterable

START = date(2026, 10, 5)
SEEDS = range(12)
KNOWN_WORDS = {"motion", "door", "bed", "seat", "toilet", "contact", "item", "light", "power"}


def longest_silence_by_hour(events: Iterable[SensorEvent]) -> dict[int, float]:
    """Hours of silence, by the hour of the day in which they were reached."""
    longest = dict.fromkeys(range(24), 0.0)
    for earlier, later in pairwise(events):
        reached = earlier.timestamp
        while reached < later.timestamp:
            reached = min(reached + timedelta(minutes=10), later.timestamp)
            silence = (reached - earlier.timestamp) / timedelta(hours=1)
            longest[reached.hour] = max(longest[reached.hour], silence)
    return longest


@given(seed=st.integers(0, 2**32), day=st.dates(date(2020, 1, 1), date(2035, 1, 1)), before=st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_a_day_is_the_same_whatever_range_is_asked_for(seed: int, day: date, before: int) -> None:
    alone = list(days(seed, day, 1))
    within = [e for e in days(seed, day - timedelta(days=before), before + 3) if e.timestamp.date() == day]
    assert alone == within
    assert alone


def test_two_seeds_live_two_lives() -> None:
    assert list(days(1, START, 2)) != list(days(2, START, 2))


@pytest.mark.parametrize("seed", SEEDS)
def test_events_come_in_order_without_repeats_on_the_asked_days(seed: int) -> None:
    events = list(days(seed, START, 10))
    assert all(earlier.timestamp <= later.timestamp for earlier, later in pairwise(events))
    assert len({(e.timestamp, e.sensor_id, e.sensor_value) for e in events}) == len(events)
    assert events[0].timestamp >= datetime(2026, 10, 5, tzinfo=SEOUL)
    assert {e.timestamp.date() for e in events} == {START + timedelta(days=n) for n in range(10)}
    assert {e.timestamp.utcoffset() for e in events} == {timedelta(hours=9)}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_event_is_one_that_the_backend_takes_and_knows(seed: int) -> None:
    for event in days(seed, START, 5):
        assert check_sensor_id(event.sensor_id)
        assert check_content(event.event_content).split()[0] in KNOWN_WORDS


@pytest.mark.parametrize("seed", SEEDS)
def test_a_home_has_six_to_eight_sensors_and_a_plausible_number_of_events(seed: int) -> None:
    events = list(days(seed, START, 21))
    per_day = Counter(e.timestamp.date() for e in events)
    assert 6 <= len({e.sensor_id for e in events}) <= 8
    assert min(per_day.values()) >= 150
    assert max(per_day.values()) <= 700


@pytest.mark.parametrize("seed", SEEDS)
def test_nights_are_silent_for_hours_and_days_are_not(seed: int) -> None:
    longest = longest_silence_by_hour(days(seed, START, 21))
    assert 4 <= max(longest[hour] for hour in range(9)) <= 8.5
    assert 1 <= max(longest[hour] for hour in range(10, 21)) <= 3.2


@pytest.mark.parametrize("seed", SEEDS)
def test_people_go_out_through_the_door(seed: int) -> None:
    events = list(days(seed, START, 14))
    outings = [
        later.timestamp - earlier.timestamp
        for earlier, later in pairwise(events)
        if earlier.event_content == "door close" and later.event_content == "door open"
    ]
    assert len([outing for outing in outings if outing > timedelta(minutes=20)]) >= 3


def test_winter_mornings_begin_later_than_summer_mornings() -> None:
    habits = draw_habits(3)
    january = [wake_hour(3, habits, date(2026, 1, 1) + timedelta(days=n)) for n in range(31)]
    july = [wake_hour(3, habits, date(2026, 7, 1) + timedelta(days=n)) for n in range(31)]
    assert sum(january) / 31 > sum(july) / 31 + 0.2
    assert season(date(2026, 1, 15)) == pytest.approx(-1)


def test_some_people_rise_early_and_some_late() -> None:
    rises = sorted(draw_habits(seed).wakes_at for seed in range(30))
    assert rises[0] < 6 < 7.5 < rises[-1]
