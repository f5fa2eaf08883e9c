"""The statements that keep sensor events: always with the row of `ingest_batches` that tells scoring of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connections
from psycopg import pq
from psycopg.conninfo import make_conninfo

from .copy_rows import COLUMNS, NOTE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .copy_rows import Reading

LIBPQ = frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())
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

# Half of STORE's work for the server, and the whole of it refused when one event is there already. Two COPY, since the
# VALUES of many requests would cost it more to read and plan than to store.
COPY_NEW = (
    f"COPY sensor_logs ({COLUMNS}) FROM STDIN (FORMAT binary);"
    f"COPY ingest_batches ({NOTE_COLUMNS}) FROM STDIN (FORMAT binary)"
)

# Leaves out what is there already and says how much of each hub was new. The folder is this connection's own.
COPY_SOME = f"""
    CREATE TEMPORARY TABLE IF NOT EXISTS arrived_events (
        hub_id int, "timestamp" timestamptz, sensor_value boolean, sensor_id text, event_content text
    ) ON COMMIT DELETE ROWS;
    COPY arrived_events ({COLUMNS}) FROM STDIN (FORMAT binary);
    WITH stored AS (
        INSERT INTO sensor_logs ({COLUMNS}) SELECT {COLUMNS} FROM arrived_events
        ON CONFLICT DO NOTHING
        RETURNING hub_id, "timestamp"
    )
    INSERT INTO ingest_batches (hub_id, first_at, last_at, events)
    SELECT hub_id, min("timestamp"), max("timestamp"), count(*) FROM stored GROUP BY hub_id
    RETURNING hub_id, events
"""  # noqa: S608 - names of our own columns


def store(hub_id: int, events: Sequence[Reading]) -> int:
    """Commits `events`; how many were new (the others were there already, or stood twice in the batch)."""
    if not events:
        return 0
    timestamps = [event.timestamp for event in events]
    sensor_ids = [event.sensor_id for event in events]
    values = [event.sensor_value for event in events]
    contents = [event.event_content for event in events]
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(STORE, [hub_id, timestamps, sensor_ids, values, contents, hub_id])
        return int(cursor.fetchone()[0])


def conninfo() -> str:
    """Where sensor events are kept, for libpq: what Django was told, without what is Django's own."""
    told = connections["timeseries"].get_connection_params()
    return make_conninfo(
        "", **{name: value for name, value in told.items() if name in LIBPQ and value not in (None, "")}
    )
