from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from monitoring.ingest import MalformedBatch, judge
from monitoring.models import EmergencyLog, SensorLog
from monitoring.senml import read_body, read_pack
from tests.monitoring.hub_posts import post

if TYPE_CHECKING:
    from devices.models import IoTHub

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
AT = NOW.timestamp()
SENML = "application/senml+json"


def codes(*records: Any) -> list[tuple[int, str]]:
    return [(rejection.index, rejection.code) for rejection in judge(read_pack(list(records)), NOW).rejected]


def test_base_name_and_base_time_count_for_every_record_after_them() -> None:
    pack = [
        {"bn": "home-", "bt": AT - 100, "n": "door", "t": 1.25, "vb": True, "vs": "door"},
        {"n": "bed", "t": 2, "vb": False},
        {"bn": "cellar-", "n": "light", "vb": True, "u": "/", "ut": 5},
    ]
    taken = judge(read_pack(pack), NOW).accepted
    assert [(event.sensor_id, event.sensor_value, event.event_content) for event in taken] == [
        ("home-door", True, "door"),
        ("home-bed", False, ""),
        ("cellar-light", True, ""),
    ]
    assert [NOW.timestamp() - event.timestamp.timestamp() for event in taken] == [98.75, 98, 100]


def test_a_record_may_be_named_by_its_base_alone() -> None:
    (event,) = judge(read_pack([{"bn": "door", "bt": AT, "vb": True}]), NOW).accepted
    assert event.sensor_id == "door"


def test_microseconds_survive() -> None:
    (event,) = judge(read_pack([{"n": "door", "t": AT - 1 + 0.123457, "vb": True}]), NOW).accepted
    assert event.timestamp.microsecond == 123457


def test_a_bad_record_costs_the_good_ones_nothing_and_keeps_its_place() -> None:
    good = {"n": "door", "t": AT, "vb": True}
    records = [
        good,
        {"t": AT, "vb": True},
        {"n": "door", "t": AT, "v": 21.5},
        {"n": "door", "t": AT, "vb": 1},
        "x",
        good,
    ]
    assert codes(*records) == [
        (1, "invalid_sensor_id"),
        (2, "invalid_value"),
        (3, "invalid_value"),
        (4, "unknown_field"),
    ]


@pytest.mark.parametrize("at", [None, "soon", True, 0, -5, 2**28 - 1, 1e300, float("inf")])
def test_a_time_that_is_not_absolute_is_rejected(at: object) -> None:
    assert codes({"n": "door", "t": at, "vb": True}) == [(0, "invalid_timestamp")]


def test_a_record_without_any_time_would_mean_now_and_is_rejected() -> None:
    assert codes({"n": "door", "vb": True}) == [(0, "invalid_timestamp")]


@pytest.mark.parametrize("pack", [{}, {"events": []}, [{"bver": 11}], [{"bver": "10"}], [{"n": "a"}, {"odd_": 1}]])
def test_what_the_rfc_forbids_to_use_is_malformed(pack: Any) -> None:
    with pytest.raises(MalformedBatch):
        read_pack(pack)


@pytest.mark.parametrize("content_type", [SENML, "Application/SenML+JSON; charset=utf-8"])
def test_the_content_type_decides(content_type: str) -> None:
    assert read_body([], content_type) == ([], None)
    with pytest.raises(MalformedBatch):
        read_body([], "application/json")


@pytest.mark.django_db(databases=["default", "timeseries"], transaction=True)
async def test_a_pack_is_posted_like_a_batch(hub: IoTHub, hub_key: str) -> None:
    at = datetime.now(UTC).timestamp()
    pack = [{"bn": "home/", "bt": at, "n": "bed", "t": -3, "vb": True}, {"n": "button", "vb": True, "vs": "sos 침실"}]
    first = (await post(hub_key, json.dumps(pack).encode(), content_type=SENML)).json()
    again = (await post(hub_key, json.dumps(pack).encode(), content_type=SENML)).json()
    assert (first["accepted"], first["rejected"], again["duplicates"]) == (2, [], 2)
    assert await SensorLog.objects.filter(sensor_id="home/button").acount() == 1
    assert (await EmergencyLog.objects.aget()).event_type == "sos"
