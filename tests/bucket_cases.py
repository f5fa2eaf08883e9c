"""What buckets must hold, whichever database cuts them: both ways of `TimeBucket` are held to the same table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count

from monitoring.models import SensorLog
from monitoring.time_buckets import TimeBucket

if TYPE_CHECKING:
    from django.db.models import QuerySet

# midnight of Monday 2 November in Korea, still Sunday in UTC
MIDNIGHT_SEOUL = datetime(2026, 11, 1, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class BucketCase:
    name: str
    width: timedelta
    events: list[timedelta]  # since that midnight
    buckets: list[tuple[timedelta, int]]

    def rows(self, hub_id: int) -> list[tuple[Any, ...]]:
        return [(hub_id, MIDNIGHT_SEOUL + since, self.name, True, "motion") for since in self.events]

    def count_buckets(self, hub_id: int) -> QuerySet[SensorLog, tuple[Any, ...]]:
        return (
            SensorLog.objects.filter(hub_id=hub_id, sensor_id=self.name)
            .annotate(bucket=TimeBucket(self.width, "timestamp"))
            .values("bucket")
            .annotate(events=Count("*"))
            .order_by("bucket")
            .values_list("bucket", "events")
        )

    @property
    def expected(self) -> list[tuple[datetime, int]]:
        return [(MIDNIGHT_SEOUL + since, events) for since, events in self.buckets]


BUCKET_CASES = [
    BucketCase("days", DAY, [-MINUTE, MINUTE, 23 * HOUR, DAY], [(-DAY, 1), (0 * DAY, 2), (DAY, 1)]),
    BucketCase("weeks", 7 * DAY, [-MINUTE, 6 * DAY, 7 * DAY], [(-7 * DAY, 1), (0 * DAY, 1), (7 * DAY, 1)]),
    BucketCase("six hours", 6 * HOUR, [-MINUTE, MINUTE, 6 * HOUR], [(-6 * HOUR, 1), (0 * HOUR, 1), (6 * HOUR, 1)]),
    BucketCase("quarters", 15 * MINUTE, [14 * MINUTE, 15 * MINUTE], [(0 * MINUTE, 1), (15 * MINUTE, 1)]),
]
