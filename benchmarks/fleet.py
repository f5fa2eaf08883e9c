"""Seniors by the thousand, each with a hub, weights in the cache, and half a day of events. Needs Django's settings."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import django

django.setup()

from django.conf import settings  # noqa: E402 - the settings come first
from django.db import connections  # noqa: E402
from redis import Redis  # noqa: E402

from ai.calibration import fit_habits  # noqa: E402
from ai.habit_weights import pack_habits  # noqa: E402
from ai.models import AIWeight  # noqa: E402
from ai.weight_store import CACHE_SECONDS, WeightRef, cache_key  # noqa: E402
from devices.models import IoTHub  # noqa: E402
from portal.demo import measure_life  # noqa: E402
from portal.simulation.resident import days  # noqa: E402
from seniors.models import Senior  # noqa: E402

if TYPE_CHECKING:
    from ai.calibration import FittedHabits

ROWS_AT_ONCE = 5_000
SENSORS = ("living_motion", "kitchen_motion", "bathroom_motion", "bedroom_motion", "front_door")
HISTORY = timedelta(hours=12)
EVENTS_A_HOME = 12
NEWS_OF_EVERY = 50
# Of so many homes one has been silent since yesterday: it rings.
SILENT_OF_EVERY = 2_000
TAUGHT_DAYS = 28


class Fleet:
    def __init__(self) -> None:
        self._random = random.Random(20261125)  # noqa: S311 - invented homes
        self._redis = Redis.from_url(settings.REDIS_URL)
        self.hub_ids: list[int] = []
        self.refs: list[WeightRef] = []
        first = datetime.now(UTC).date() - timedelta(days=TAUGHT_DAYS)
        self.events = [event for event in days(11, first, TAUGHT_DAYS) if event.timestamp <= datetime.now(UTC)]
        self.fitted: FittedHabits = fit_habits(measure_life(self.events))

    def grow(self, seniors: int) -> None:
        """Adds homes until there are so many; what was remembered of them is dropped."""
        while len(self.hub_ids) < seniors:
            self._add(min(ROWS_AT_ONCE, seniors - len(self.hub_ids)))
        for key in self._redis.scan_iter("score:*"):
            self._redis.delete(key)
        for alias in ("default", "timeseries"):
            with connections[alias].cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")

    def _add(self, count: int) -> None:
        known = len(self.hub_ids)
        seniors = Senior.objects.bulk_create(
            [Senior(full_name=f"bench {known + place}", address="bench") for place in range(count)]
        )
        hubs = IoTHub.objects.bulk_create(
            [IoTHub(senior=senior, device_id=f"BENCH-{senior.pk}", status="online") for senior in seniors]
        )
        artifacts = [pack_habits(senior.pk, self.fitted, "2026-10-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00")
                     for senior in seniors]  # fmt: skip
        now = datetime.now(UTC)
        weights = AIWeight.objects.bulk_create(
            [
                AIWeight(
                    senior=senior,
                    version=1,
                    storage_path=f"weights/{senior.pk}/bench.anbu",
                    is_active=True,
                    sha256=hashlib.sha256(data).hexdigest(),
                    size=len(data),
                    trained_from=now,
                    trained_to=now,
                    status=AIWeight.Status.ACTIVE,
                )
                for senior, data in zip(seniors, artifacts, strict=True)
            ]
        )
        refs = [
            WeightRef(weight.pk, weight.senior_id, 1, weight.storage_path, weight.sha256, weight.size)
            for weight in weights
        ]
        with self._redis.pipeline(transaction=False) as pipe:
            for ref, data in zip(refs, artifacts, strict=True):
                pipe.set(cache_key(ref), data, ex=CACHE_SECONDS)
            pipe.execute()
        self.refs += refs
        self._write_history([hub.pk for hub in hubs], now)
        self.hub_ids += [hub.pk for hub in hubs]

    def _write_history(self, hub_ids: list[int], now: datetime) -> None:
        rows = []
        for place, hub_id in enumerate(hub_ids):
            end = now - (2 * HISTORY if place % SILENT_OF_EVERY == SILENT_OF_EVERY - 1 else timedelta())
            for number in range(EVENTS_A_HOME):
                at = end - HISTORY * number / EVENTS_A_HOME - timedelta(seconds=self._random.uniform(0, 1200))
                rows.append((hub_id, at, self._random.choice(SENSORS)))
        self._insert(rows)

    def send_news(self) -> None:
        """What five seconds bring: an event of every fiftieth home, and a batch of each."""
        now = datetime.now(UTC)
        chosen = self._random.sample(self.hub_ids, len(self.hub_ids) // NEWS_OF_EVERY)
        rows = [(hub_id, now - timedelta(seconds=self._random.uniform(0, 5)), "living_motion") for hub_id in chosen]
        self._insert(rows)
        with connections["timeseries"].cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO ingest_batches (hub_id, first_at, last_at, events)
                SELECT hub, at, at, 1 FROM unnest(%s::int[], %s::timestamptz[]) AS sent (hub, at)
                """,
                [[row[0] for row in rows], [row[1] for row in rows]],
            )

    def _insert(self, rows: list[tuple[int, datetime, str]]) -> None:
        with connections["timeseries"].cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO sensor_logs (hub_id, timestamp, sensor_id, sensor_value, event_content)
                SELECT hub, at, sensor, true, split_part(sensor, '_', 2)
                FROM unnest(%s::int[], %s::timestamptz[], %s::text[]) AS sent (hub, at, sensor) ON CONFLICT DO NOTHING
                """,
                [list(values) for values in zip(*rows, strict=True)],
            )
