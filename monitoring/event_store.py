"""Stores a hub's events: one statement, one commit, with the row that tells scoring of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ingest import SensorReading

STORE = """
    WITH stored AS (
        INSERT INTO sensor_logs (hub_id, "timestamp", sensor_id, sensor_value, event_content)
        SELECT %s, * FROM unnest(%s::timestamptz[], %s::text[], %s::boolean[], %s::text[])
        ON CONFLICT DO NOTHING
        RETURNING "timestamp"
    ), noted AS (
        INSERT INTO ingest_batches (hub_id, first_at, last_at, events)
        SELECT %s, min("timestamp"), max("timestamp"), count(*) FROM stored HAVING count(*) > 0
    )
    SELECT count(*) FROM stored
"""


def store(hub_id: int, events: Sequence[SensorReading]) -> int:
    """Commits `events`; how many were new (the others were there already, or stood twice in the batch)."""
    if not events:
        return 0
    columns = [list(column) for column in zip(*events, strict=True)]
    timestamps, sensor_ids, contents, values = columns
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(STORE, [hub_id, timestamps, sensor_ids, values, contents, hub_id])
        return int(cursor.fetchone()[0])
