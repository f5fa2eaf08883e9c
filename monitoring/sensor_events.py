"""Reads of what homes sensed: the newest event, a window, counts by hour. A senior's events are those of every hub
that was ever theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Count, Max

from devices.models import IoTHub

from .models import SensorHour, SensorLog
from .time_buckets import TimeBucket

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta


class SensorEvent(NamedTuple):
    timestamp: datetime
    sensor_id: str
    event_content: str
    sensor_value: bool


def hubs_of(senior_id: int) -> list[int]:
    """Every hub_id the senior ever had, deregistered ones too."""
    return list(IoTHub.objects.filter(senior_id=senior_id).values_list("hub_id", flat=True))


def recent(hub_ids: Iterable[int], since: datetime, limit: int = 5000) -> list[SensorEvent]:
    """Events from `since` on, oldest first; of more than `limit` the newest."""
    rows = SensorLog.objects.filter(hub_id__in=list(hub_ids), timestamp__gte=since).order_by("-timestamp")
    newest = rows.values_list("timestamp", "sensor_id", "event_content", "sensor_value")[:limit]
    return [SensorEvent(*row) for row in reversed(newest)]


def last_event(hub_ids: Iterable[int]) -> SensorEvent | None:
    row = (
        SensorLog.objects.filter(hub_id__in=list(hub_ids))
        .order_by("-timestamp")
        .values_list("timestamp", "sensor_id", "event_content", "sensor_value")
        .first()
    )
    return SensorEvent(*row) if row else None


def last_heard(hub_id: int, since: datetime) -> dict[str, datetime]:
    """Each sensor of the hub heard from `since` on, with the time of its newest event."""
    rows = SensorLog.objects.filter(hub_id=hub_id, timestamp__gte=since).values("sensor_id")
    return dict(rows.annotate(newest=Max("timestamp")).values_list("sensor_id", "newest"))


def count_since(hub_ids: Iterable[int], moment: datetime) -> int:
    return SensorLog.objects.filter(hub_id__in=list(hub_ids), timestamp__gt=moment).count()


def is_silent_since(senior_id: int, moment: datetime) -> bool:
    """Whether no event of the senior's home is newer than `moment`."""
    return not SensorLog.objects.filter(hub_id__in=hubs_of(senior_id), timestamp__gt=moment).exists()


def hourly(hub_ids: Iterable[int], since: datetime) -> list[tuple[datetime, str, int]]:
    """(hour, sensor_id, events) of every hour since `since` in which a sensor said anything."""
    rows = SensorHour.objects.filter(hub_id__in=list(hub_ids), bucket__gte=since)
    return list(rows.values_list("bucket", "sensor_id", "events"))


def activity(hub_ids: Iterable[int], since: datetime, until: datetime, width: timedelta) -> list[dict[str, Any]]:
    """`{bucket, sensor_id, events}` in order of time, buckets of `width` cut in Asia/Seoul."""
    rows = SensorLog.objects.filter(hub_id__in=list(hub_ids), timestamp__gte=since, timestamp__lt=until)
    counted = rows.annotate(bucket=TimeBucket(width, "timestamp")).values("bucket", "sensor_id")
    return list(counted.annotate(events=Count("sensor_value")).order_by("bucket", "sensor_id"))
