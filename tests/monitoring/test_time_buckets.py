"""Buckets of time on plain PostgreSQL; tests/timescaledb holds TimescaleDB to the same cases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring.models import SensorHour, SensorLog
from monitoring.time_buckets import BucketUnreadable, parse_width
from tests.bucket_cases import BUCKET_CASES, HOUR, MIDNIGHT_SEOUL, BucketCase


@pytest.mark.django_db(databases=["default", "timeseries"])
@pytest.mark.parametrize("case", BUCKET_CASES, ids=lambda case: case.name)
def test_buckets_of_plain_postgresql_start_where_the_day_starts_in_korea(case: BucketCase) -> None:
    SensorLog.objects.bulk_create(
        SensorLog(hub_id=hub_id, timestamp=at, sensor_id=sensor_id, sensor_value=value, event_content=content)
        for hub_id, at, sensor_id, value, content in case.rows(hub_id=4)
    )
    assert list(case.count_buckets(hub_id=4)) == case.expected


@pytest.mark.django_db(databases=["default", "timeseries"])
def test_the_hours_of_a_sensor_are_counted_without_timescaledb() -> None:
    for minutes in (0, 59, 60):
        at = MIDNIGHT_SEOUL + timedelta(minutes=minutes)
        SensorLog.objects.create(hub_id=3, timestamp=at, sensor_id="door", sensor_value=True, event_content="door")
    hours = SensorHour.objects.filter(hub_id=3).order_by("bucket").values_list("bucket", "sensor_id", "events")
    assert list(hours) == [(MIDNIGHT_SEOUL, "door", 2), (MIDNIGHT_SEOUL + HOUR, "door", 1)]


@pytest.mark.parametrize(("text", "width"), [("15m", timedelta(minutes=15)), ("1h", HOUR), ("31d", timedelta(days=31))])
def test_a_width_is_read(text: str, width: timedelta) -> None:
    assert parse_width(text) == width


@pytest.mark.parametrize("text", ["", "h", "0h", "-1h", "1.5h", "1w", "32d", "99999d", "1h; DROP TABLE", "１h", "1h\n"])
def test_what_names_no_width_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BucketUnreadable, match="for example 1h"):
        parse_width(text)
