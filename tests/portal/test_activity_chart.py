from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from portal.pages.activity_chart import LABEL_WIDTH, PLOT_WIDTH, draw_lanes

SEOUL = ZoneInfo("Asia/Seoul")
START = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)  # midnight in Seoul
END = START + timedelta(hours=24)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def test_each_sensor_has_a_lane_in_the_order_of_names() -> None:
    chart = draw_lanes([(at(1), "kitchen", True), (at(2), "bath", True)], START, END, SEOUL)
    assert [lane.label for lane in chart.lanes] == ["bath", "kitchen"]
    assert chart.lanes[0].floor == chart.lanes[1].y


def test_a_mark_stands_at_its_time() -> None:
    chart = draw_lanes([(at(12), "kitchen", True)], START, END, SEOUL)
    assert chart.lanes[0].marks[0].x == LABEL_WIDTH + PLOT_WIDTH // 2


def test_events_of_the_same_five_minutes_are_one_stronger_mark() -> None:
    few = draw_lanes([(at(1), "kitchen", True)], START, END, SEOUL)
    many = draw_lanes([(at(1) + timedelta(seconds=n), "kitchen", True) for n in range(12)], START, END, SEOUL)
    assert len(many.lanes[0].marks) == 1
    assert many.lanes[0].marks[0].strength > few.lanes[0].marks[0].strength
    assert many.lanes[0].events == 12


def test_an_end_of_motion_and_what_lies_outside_are_no_activity() -> None:
    events = [(at(1), "kitchen", False), (at(-1), "kitchen", True), (at(25), "kitchen", True)]
    assert draw_lanes(events, START, END, SEOUL).lanes == []


def test_hours_are_those_of_the_wall_clock() -> None:
    chart = draw_lanes([], START, END, SEOUL)
    assert [tick.at.hour for tick in chart.ticks] == [0, 3, 6, 9, 12, 15, 18, 21, 0]


def test_of_too_many_sensors_the_quietest_are_left_out() -> None:
    events = [(at(1) + timedelta(minutes=10 * n), "busy", True) for n in range(5)]
    events += [(at(1), f"quiet{n}", True) for n in range(3)]
    chart = draw_lanes(events, START, END, SEOUL, most_lanes=2)
    assert len(chart.lanes) == 2
    assert "busy" in [lane.label for lane in chart.lanes]


def test_a_lane_is_called_what_it_is_told() -> None:
    chart = draw_lanes([(at(1), "kitchen_motion", True)], START, END, SEOUL, name=str.upper)
    assert chart.lanes[0].label == "KITCHEN_MOTION"
    assert chart.lanes[0].sensor_ids == ["kitchen_motion"]


def test_sensors_of_one_room_share_a_lane() -> None:
    events = [(at(1), "bed", True), (at(2), "bedroom_motion", True)]
    chart = draw_lanes(events, START, END, SEOUL, name=lambda _sensor: "bedroom")
    assert [(lane.label, lane.events) for lane in chart.lanes] == [("bedroom", 2)]


def test_what_is_usual_lies_behind_the_marks_hour_by_hour() -> None:
    chart = draw_lanes([], START, END, SEOUL, usual={"kitchen": {7: 1.0, 12: 0.1}})
    assert [band.strength for band in chart.lanes[0].bands] == [4, 1]
    assert chart.lanes[0].bands[0].x == LABEL_WIDTH + PLOT_WIDTH * 7 // 24


def test_a_silence_is_shown_from_half_an_hour_on() -> None:
    assert draw_lanes([(at(23.8), "kitchen", True)], START, END, SEOUL).quiet_x is None
    assert draw_lanes([(at(12), "kitchen", True)], START, END, SEOUL).quiet_x == LABEL_WIDTH + PLOT_WIDTH // 2
