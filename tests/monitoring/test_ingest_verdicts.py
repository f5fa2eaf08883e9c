from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.ingest import (
    MalformedBatch,
    Verdicts,
    find_panic,
    is_skewed,
    judge,
    panic_source,
    parse_timestamp,
    read_batch,
)

NOW = datetime(2026, 11, 22, 8, 30, 13, tzinfo=UTC)


def event(**fields: Any) -> dict[str, Any]:
    plain = {
        "timestamp": "2026-11-22T17:30:12.250+09:00",
        "sensor_id": "bedroom_motion",
        "event_content": "motion",
        "sensor_value": True,
    }
    return {**plain, **fields}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in event().items() if key != name}


def verdict(candidate: Any) -> str:
    """The code of a refusal, or "accepted"."""
    verdicts = judge([candidate], NOW)
    return verdicts.rejected[0].code if verdicts.rejected else "accepted"


def at(moment: datetime) -> dict[str, Any]:
    return event(timestamp=moment.isoformat())


def test_a_plain_event_is_accepted() -> None:
    assert verdict(event()) == "accepted"


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-22T08:30:12",
        "2026-11-22",
        "2026-11-22T08:30:12+0900",
        "2026-11-22T08:30+09:00",
        "2026-11-22T24:00:00Z",
        "2026-02-30T08:30:12Z",
        "2026-11-22T08:30:12,5Z",
        "2026-11-22T08:30:12.Z",
        "2026-11-22T08:30:12.5 Z",
        "2026-11-22T08:30:12Z ",
        "2026-11-22T08:30:12Z\n",
        "2026-W47-7T08:30:12Z",
        "２０２６-11-22T08:30:12Z",
        "0001-01-01T00:00:00+09:00",
        "now",
        "",
        1_763_800_212,
        None,
        True,
        ["2026-11-22T08:30:12Z"],
    ],
)
def test_what_is_no_rfc_3339_time_with_an_offset_is_an_invalid_timestamp(written: Any) -> None:
    assert verdict(event(timestamp=written)) == "invalid_timestamp"


@pytest.mark.parametrize(
    "written",
    ["2026-11-22T08:30:12Z", "2026-11-22t08:30:12z", "2026-11-22 08:30:12-00:00", "2026-11-22T17:30:12.000000+09:00"],
)
def test_every_spelling_of_rfc_3339_is_the_same_moment(written: str) -> None:
    assert parse_timestamp(written) == datetime(2026, 11, 22, 8, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fraction", "microsecond"),
    [("5", 500_000), ("25", 250_000), ("123456", 123_456), ("1234569", 123_456), ("999999999999", 999_999)],
)
def test_time_is_kept_to_the_microsecond_and_finer_digits_are_cut(fraction: str, microsecond: int) -> None:
    moment = parse_timestamp(f"2026-11-22T08:30:12.{fraction}Z")
    assert moment is not None
    assert moment.microsecond == microsecond


def test_five_minutes_ahead_is_accepted_and_more_is_in_the_future() -> None:
    assert verdict(at(NOW + timedelta(minutes=5))) == "accepted"
    assert verdict(at(NOW + timedelta(minutes=5, microseconds=1))) == "timestamp_in_future"


def test_thirty_days_ago_is_accepted_and_more_is_too_old() -> None:
    assert verdict(at(NOW - timedelta(days=30))) == "accepted"
    assert verdict(at(NOW - timedelta(days=30, microseconds=1))) == "too_old"


@pytest.mark.parametrize("sensor_id", ["a", "x" * 64, "28:front door reed", "침실 활동", "台所", "ساعة", "👵🏽"])
def test_a_sensor_id_has_1_to_64_printable_characters_of_any_script(sensor_id: str) -> None:
    assert verdict(event(sensor_id=sensor_id)) == "accepted"


@pytest.mark.parametrize(
    "sensor_id", ["", "x" * 65, "a\x00", "a\nb", "침실\t", "a\x7f", "침\x85", "\ud800", 7, None, []]
)
def test_any_other_sensor_id_is_invalid(sensor_id: Any) -> None:
    assert verdict(event(sensor_id=sensor_id)) == "invalid_sensor_id"


@pytest.mark.parametrize("value", [0, 1, "true", "", None, 1.0, [], {}])
def test_only_true_and_false_are_values(value: Any) -> None:
    assert verdict(event(sensor_value=value)) == "invalid_value"


@pytest.mark.parametrize("content", [None, 5, ["motion"], "a\x00b", "문\n열림", "\udfff"])
def test_a_content_that_is_no_plain_text_is_invalid(content: Any) -> None:
    assert verdict(event(event_content=content)) == "invalid_content"


def test_a_content_may_have_200_characters() -> None:
    assert verdict(event(event_content="가" * 200)) == "accepted"
    assert verdict(event(event_content="가" * 201)) == "too_long"


def test_unknown_words_are_accepted() -> None:
    assert verdict(event(event_content="kettle boiled")) == "accepted"


def test_a_field_nobody_knows_is_refused() -> None:
    assert verdict(event(battery=5)) == "unknown_field"


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("timestamp", "invalid_timestamp"),
        ("sensor_id", "invalid_sensor_id"),
        ("event_content", "invalid_content"),
        ("sensor_value", "invalid_value"),
    ],
)
def test_a_missing_field_is_as_good_as_a_wrong_one(missing: str, code: str) -> None:
    assert verdict(without(missing)) == code


def test_one_bad_event_costs_none_of_the_others() -> None:
    verdicts = judge([event(), event(sensor_value="on"), event(sensor_id="kitchen")], NOW)
    assert [reading.sensor_id for reading in verdicts.accepted] == ["bedroom_motion", "kitchen"]
    assert [(rejection.index, rejection.code) for rejection in verdicts.rejected] == [(1, "invalid_value")]
    assert verdicts.rejected[0].detail


# -- panic words


@pytest.mark.parametrize(
    ("content", "event_type"),
    [
        ("sos", "sos"),
        ("fall", "fall_detection"),
        ("fire", "fire"),
        ("gas", "gas"),
        ("sos 화장실에서 도와주세요", "sos"),
    ],
)
def test_a_panic_word_at_the_beginning_is_a_panic(content: str, event_type: str) -> None:
    panic = find_panic(event(event_content=content))
    assert panic is not None
    assert panic.event_type == event_type


@pytest.mark.parametrize(
    "content", ["SOS", "Fall", "sosa", "fallen", "gas-meter", " sos", "motion sos", "", "firewood"]
)
def test_any_other_beginning_is_none(content: str) -> None:
    assert find_panic(event(event_content=content)) is None


@pytest.mark.parametrize("value", [False, 1, "true", None])
def test_only_true_presses_the_button(value: Any) -> None:
    assert find_panic(event(event_content="sos", sensor_value=value)) is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"timestamp": "yesterday"}, "invalid_timestamp"),
        ({"timestamp": "2036-11-22T08:30:12Z"}, "timestamp_in_future"),
        ({"timestamp": "1970-01-01T00:00:00Z"}, "too_old"),
        ({"sensor_id": ""}, "invalid_sensor_id"),
        ({"sensor_id": {"room": "bath"}}, "invalid_sensor_id"),
        ({"event_content": "sos " + "x" * 300}, "too_long"),
        ({"event_content": "sos \x00"}, "invalid_content"),
        ({"firmware": "1.2"}, "unknown_field"),
    ],
)
def test_a_panic_is_seen_whatever_else_is_wrong_with_its_event(fields: dict[str, Any], code: str) -> None:
    verdicts = judge([event(**{"event_content": "sos", **fields})], NOW)
    assert [rejection.code for rejection in verdicts.rejected] == [code]
    assert len(verdicts.panics) == 1


def source(**fields: Any) -> str:
    panic = find_panic(event(**{"event_content": "sos", **fields}))
    assert panic is not None
    return panic_source(7, panic)


def test_the_source_of_a_panic_is_hub_sensor_time_and_word() -> None:
    assert source() == source(timestamp="2026-11-22T08:30:12.250000Z", event_content="sos again")
    others = {source(sensor_id="bath"), source(timestamp="2026-11-22T08:30:12.251Z"), source(event_content="fall")}
    assert len(others | {source()}) == 4


@pytest.mark.parametrize("fields", [{"sensor_id": "x" * 5000}, {"timestamp": "\x00" * 5000}, {"sensor_id": "\ud800"}])
def test_the_source_fits_its_column_whatever_the_hub_wrote(fields: dict[str, Any]) -> None:
    key = source(**fields)
    assert len(key) <= 300
    assert "\x00" not in key.encode().decode()


# -- batches


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "events",
        {},
        {"events": None},
        {"events": {}},
        {"events": [], "hub_id": 5},
        {"events": [], "sent_at": 1},
    ],
)
def test_what_is_no_batch_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedBatch):
        read_batch(body)


def test_sent_at_needs_an_offset() -> None:
    with pytest.raises(MalformedBatch):
        read_batch({"events": [], "sent_at": "2026-11-22T08:30:13"})


def test_sent_at_may_be_left_out() -> None:
    assert read_batch({"events": [1]}) == ([1], None)
    assert not is_skewed(None, NOW)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_clock_is_skewed_beyond_60_seconds(direction: int) -> None:
    assert not is_skewed(NOW + direction * timedelta(seconds=60), NOW)
    assert is_skewed(NOW + direction * timedelta(seconds=60.001), NOW)


# -- any JSON at all

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
likely = st.fixed_dictionaries(
    {},
    optional={
        "timestamp": st.sampled_from(["2026-11-22T08:30:12Z", "9999-12-31T23:59:59-23:59"]) | anything,
        "sensor_id": st.sampled_from(["a", "침실"]) | anything,
        "event_content": st.sampled_from(["sos", "motion", "fall \x00"]) | anything,
        "sensor_value": st.booleans() | anything,
    },
)


@settings(max_examples=80, deadline=None)
@given(st.lists(likely | anything, max_size=5))
def test_every_event_gets_one_verdict_and_nothing_raises(batch: list[Any]) -> None:
    verdicts: Verdicts = judge(batch, NOW)
    assert len(verdicts.accepted) + len(verdicts.rejected) == len(batch)
    for panic in verdicts.panics:
        assert len(panic_source(1, panic)) <= 300
