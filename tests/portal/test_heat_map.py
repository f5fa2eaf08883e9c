from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from portal.pages.heat_map import DAYS, draw_heat_map, find_usual

SEOUL = ZoneInfo("Asia/Seoul")
NOW = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)  # half past twelve in Seoul


def hour(days_ago: int, hour_of_day: int) -> datetime:
    return datetime(2026, 11, 22, hour_of_day, tzinfo=SEOUL) - timedelta(days=days_ago)


def test_today_is_the_last_row_and_its_hours_to_come_are_empty() -> None:
    heat = draw_heat_map([(hour(0, 7), "kitchen", 5), (hour(13, 7), "kitchen", 1)], NOW, SEOUL)
    assert len(heat.days) == DAYS
    assert heat.days[-1].cells[7].events == 5
    assert heat.days[0].cells[7].strength == 1
    assert heat.days[-1].cells[12].strength == 0
    assert heat.days[-1].cells[13].strength is None
    assert heat.events == 6


def test_sensors_of_an_hour_are_added_and_more_is_stronger() -> None:
    heat = draw_heat_map([(hour(1, 9), "a", 20), (hour(1, 9), "b", 20)], NOW, SEOUL)
    assert (heat.days[-2].cells[9].events, heat.days[-2].cells[9].strength) == (40, 4)


def test_usual_is_the_share_of_days_before_today_on_which_the_home_was_heard() -> None:
    rows = [(hour(1, 7), "bed", 3), (hour(2, 7), "bedroom", 1), (hour(3, 9), "bed", 1), (hour(0, 7), "bed", 9)]
    usual = find_usual(rows, NOW.astimezone(SEOUL).date(), SEOUL, lambda _sensor: "침실")
    assert usual == {"침실": {7: 2 / 3, 9: 1 / 3}}


def test_a_home_without_events_has_nothing_usual() -> None:
    assert find_usual([], NOW.date(), SEOUL, str) == {}
