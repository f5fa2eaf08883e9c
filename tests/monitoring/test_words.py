"""What codes are called on the screen."""

from __future__ import annotations

import pytest

from monitoring.risk_words import say_minutes, say_reason, say_reasons
from monitoring.sensor_words import say_sensor


def test_a_silence_is_said_with_what_is_usual() -> None:
    reason = {"code": "silent_for", "values": {"minutes": 92, "usual_max_minutes": 70}}
    assert say_reason(reason) == "92분째 움직임이 없습니다. 이 시간대 평소 최대 70분"


def test_a_silence_without_a_usual_one_is_said_alone() -> None:
    assert say_reason({"code": "silent_for", "values": {"minutes": 30}}) == "30분째 움직임이 없습니다"


@pytest.mark.parametrize(
    ("minutes", "words"), [(99, "99분"), (100, "1시간 40분"), (120, "2시간"), (142.4, "2시간 22분")]
)
def test_spans_turn_into_hours(minutes: float, words: str) -> None:
    assert say_minutes(minutes) == words


@pytest.mark.parametrize("reason", [{"code": "phase_of_moon", "values": {}}, {"code": "silent_for"}, {}])
def test_a_code_of_a_newer_model_is_named_and_breaks_nothing(reason: dict[str, object]) -> None:
    assert say_reason(reason) == f"모델이 알린 까닭: {reason.get('code', '–')}"


def test_reasons_stand_in_one_line() -> None:
    assert say_reasons([{"code": "no_hub"}, {"code": "no_events"}]) == (
        "등록된 허브가 없습니다. 집에서 온 기록이 아직 없습니다"
    )
    assert say_reasons([]) == ""


@pytest.mark.parametrize(
    ("sensor_id", "words"),
    [
        ("bedroom_motion", "침실 움직임"),
        ("front_door", "현관 문"),
        ("침실 활동", "침실 활동"),
        ("28:front door reed", "28:front door reed"),
        ("M014", "M014"),
        ("", ""),
    ],
)
def test_a_sensor_is_called_as_people_do_where_its_id_allows(sensor_id: str, words: str) -> None:
    assert say_sensor(sensor_id) == words


def test_a_silence_after_a_door_says_that_the_person_may_be_out() -> None:
    assert say_reason({"code": "door_was_last", "values": {}}) == "마지막 기록이 문이라 외출했을 수 있습니다"
