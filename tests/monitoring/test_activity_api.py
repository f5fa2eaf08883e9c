from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from monitoring import event_store
from monitoring.ingest import SensorReading

if TYPE_CHECKING:
    from devices.models import IoTHub
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])
MIDNIGHT_IN_SEOUL = datetime(2026, 11, 21, 15, tzinfo=UTC)


def get(staff: Staff, senior: Senior, **query: str) -> Any:
    client = Client()
    client.force_login(staff)
    return client.get(f"/api/v1/seniors/{senior.pk}/activity", query)


def store(hub: IoTHub, *minutes: int) -> None:
    """Events that many minutes after midnight in Seoul."""
    moments = [MIDNIGHT_IN_SEOUL + timedelta(minutes=minute) for minute in minutes]
    event_store.store(hub.pk, [SensorReading(moment, "bed", "bed", True) for moment in moments])


def test_buckets_are_cut_in_seoul(hub: IoTHub, senior: Senior, kim: Staff) -> None:
    store(hub, -1, 0, 59, 60, 1439, 1440)
    times = {"from": "2026-11-21T00:00:00+09:00", "to": "2026-11-24T00:00:00+09:00"}
    days = get(kim, senior, **times, bucket="1d").json()["results"]
    assert [row["events"] for row in days] == [1, 4, 1]
    assert datetime.fromisoformat(days[1]["bucket"]) == MIDNIGHT_IN_SEOUL
    hours = get(kim, senior, **times).json()["results"]
    assert [(row["sensor_id"], row["events"]) for row in hours] == [("bed", n) for n in (1, 2, 1, 1, 1)]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"from": "2026-11-21T00:00:00Z"},
        {"from": "2026-11-21T00:00:00Z", "to": "2026-11-21T00:00:00Z"},
        {"from": "2026-01-01T00:00:00Z", "to": "2026-11-21T00:00:00Z"},
        {"from": "9999-12-30T00:00:00Z", "to": "9999-01-01T00:00:00Z"},
        {"from": "2026-11-21T00:00:00", "to": "2026-11-22T00:00:00"},
        {"from": "2026-11-21T00:00:00Z", "to": "2026-11-22T00:00:00Z", "bucket": "often"},
    ],
)
def test_a_span_that_is_none_is_told(senior: Senior, kim: Staff, query: dict[str, str]) -> None:
    answer = get(kim, senior, **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["errors"]


def test_a_guardian_may_not_and_a_stranger_finds_nothing(senior: Senior, guardian: Staff, lee: Staff) -> None:
    times = {"from": "2026-11-21T00:00:00Z", "to": "2026-11-22T00:00:00Z"}
    assert get(guardian, senior, **times).status_code == 403
    assert get(lee, senior, **times).status_code == 404
