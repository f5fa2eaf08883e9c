"""Stores sensor history of any age in large chunks. Scoring sees it; it raises nothing, unlike what a hub posts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connections, transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ingest import SensorReading

CHUNK_EVENTS = 50_000
COLUMNS = '"timestamp", sensor_id, event_content, sensor_value'
STAGE = f"CREATE TEMPORARY TABLE imported ON COMMIT DROP AS SELECT {COLUMNS} FROM sensor_logs WITH NO DATA"  # noqa: S608 - fixed
COPY = f"COPY imported ({COLUMNS}) FROM STDIN"
STORE = f"""
    WITH stored AS (
        INSERT INTO sensor_logs (hub_id, {COLUMNS}) SELECT %s, {COLUMNS} FROM imported
        ON CONFLICT DO NOTHING
        RETURNING "timestamp"
    ), noted AS (
        INSERT INTO ingest_batches (hub_id, first_at, last_at, events)
        SELECT %s, min("timestamp"), max("timestamp"), count(*) FROM stored HAVING count(*) > 0
    )
    SELECT count(*) FROM stored
"""  # noqa: S608 - the column names are fixed


def store_history(hub_id: int, events: Sequence[SensorReading]) -> int:
    """Commits one chunk (up to CHUNK_EVENTS) and the row that tells scoring of it; returns how many were new."""
    with transaction.atomic(using="timeseries"), connections["timeseries"].cursor() as cursor:
        cursor.execute(STAGE)
        with cursor.copy(COPY) as copy:
            for event in events:
                copy.write_row(event)
        cursor.execute(STORE, [hub_id, hub_id])
        stored = int(cursor.fetchone()[0])
        cursor.execute("DROP TABLE imported")  # also where the caller's transaction goes on
    return stored
