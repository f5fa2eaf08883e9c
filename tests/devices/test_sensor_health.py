"""A home of invented hours: 0 is the first, events by sensor and hour."""

from __future__ import annotations

from devices.sensor_health import HISTORY_HOURS, Health, judge_sensors

NOW = HISTORY_HOURS
DAY = 24


def awake(begin: int = 0, end: int = NOW, every: int = 1, events: int = 20) -> dict[int, int]:
    """Events in each `every`th of the hours 7 to 22 of each day."""
    return {hour: events for hour in range(begin, end) if 7 <= hour % DAY < 22 and hour % every == 0}


def health(hours: dict[str, dict[int, int]], sensor: str = "bed", now: int = NOW) -> Health:
    return judge_sensors(hours, now)[sensor].health


def test_a_sensor_that_keeps_its_habit_is_good() -> None:
    assert health({"bed": awake(), "bath": awake(every=2)}) == Health.GOOD


def test_a_sensor_is_dead_when_the_others_report_on_without_it() -> None:
    died = NOW - 3 * DAY
    verdict = judge_sensors({"bed": awake(end=died), "bath": awake()}, NOW)["bed"]
    assert verdict == (Health.DEAD, 45, 24)


def test_a_day_without_it_is_not_enough() -> None:
    assert health({"bed": awake(end=NOW - DAY), "bath": awake()}) == Health.GOOD


def test_a_silent_home_has_no_dead_sensors_however_long_it_is_silent() -> None:
    left = NOW - 10 * DAY
    hours = {"bed": awake(end=left), "bath": awake(end=left)}
    assert {verdict.health for verdict in judge_sensors(hours, NOW).values()} == {Health.GOOD}


def test_hours_in_which_nobody_heard_the_home_age_no_sensor() -> None:
    """The hub or the backend was away for eight days; everything came back twelve hours ago but the bed."""
    gone, back = NOW - 9 * DAY, NOW - 12
    hours = {"bed": awake(end=gone), "bath": awake(end=gone) | awake(begin=back)}
    assert health(hours) == Health.GOOD


def test_a_sensor_that_is_rarely_used_has_a_long_habit() -> None:
    weekly = {7 * DAY * week + 10: 3 for week in range(1, 4)}
    often = dict.fromkeys(range(7, 30), 5)  # it has been used enough to be known
    assert health({"bed": weekly | often, "bath": awake()}) == Health.GOOD


def test_a_sensor_hardly_seen_yet_has_no_habit_to_break() -> None:
    few = dict(list(awake().items())[:19])
    assert health({"bed": few, "bath": awake()}) == Health.GOOD


def test_the_only_sensor_of_a_home_is_never_called_dead() -> None:
    assert health({"bed": awake(end=NOW - 20 * DAY)}) == Health.GOOD


def test_a_sensor_that_fell_out_of_the_history_is_no_part_of_the_home() -> None:
    assert judge_sensors({"bed": {}, "bath": awake()}, NOW).keys() == {"bath"}


def test_it_is_good_again_with_its_first_event() -> None:
    hours = {"bed": awake(end=NOW - 5 * DAY) | {NOW: 1}, "bath": awake()}
    assert health(hours) == Health.GOOD


def test_ten_times_the_usual_hour_is_chatter() -> None:
    busy = awake(events=40)
    assert health({"bed": busy | {NOW: 400}}) == Health.GOOD
    verdict = judge_sensors({"bed": busy | {NOW: 401}}, NOW)["bed"]
    assert verdict == (Health.CHATTERING, 401, 400)


def test_the_last_whole_hour_counts_while_the_present_one_is_young() -> None:
    assert health({"bed": awake() | {NOW - 1: 900, NOW: 3}}) == Health.CHATTERING
    assert health({"bed": awake() | {NOW - 2: 900, NOW: 3}}) == Health.GOOD


def test_a_lively_hour_of_a_quiet_sensor_is_no_chatter() -> None:
    assert health({"bed": awake(events=2) | {NOW: 240}}) == Health.GOOD


def test_a_new_sensor_chatters_only_beyond_what_any_sensor_says() -> None:
    assert health({"bed": {NOW: 1000}}) == Health.GOOD
    assert health({"bed": {NOW: 1001}}) == Health.CHATTERING


def test_hours_of_chatter_do_not_become_the_habit() -> None:
    night_of_chatter = dict.fromkeys(range(NOW - 9, NOW + 1), 3000)
    assert health({"bed": awake() | night_of_chatter}) == Health.CHATTERING


def test_a_chattering_sensor_does_not_bear_witness_against_the_others() -> None:
    """Nobody is at home: one sensor fires all day and night, and the others are silent with good reason."""
    left = NOW - 5 * DAY
    ghost = awake() | dict.fromkeys(range(left, NOW + 1), 3000)
    assert health({"bed": awake(end=left), "bath": awake(end=left), "ghost": ghost}) == Health.GOOD
