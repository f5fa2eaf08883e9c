"""What TimescaleDB does for `sensor_logs`, and what stands in for it on plain PostgreSQL.

With the extension the table is a hypertable: chunks are compressed after a week, dropped after `KEPT_DAYS`, and counted
by the hour in a continuous aggregate. Without it, or where its licence forbids these (`apache` builds), a plain view of
the same name and columns answers the same questions, slower, and the database itself compresses and drops nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper

KEPT_DAYS = 400
COMPRESSED_AFTER_DAYS = 7
CHUNK_DAYS = 7

_EXTENSION = "SELECT current_setting('timescaledb.license', true) FROM pg_extension WHERE extname = 'timescaledb'"
_HYPERTABLE = "SELECT 1 FROM timescaledb_information.hypertables WHERE hypertable_name = 'sensor_logs'"
_AGGREGATE = "SELECT 1 FROM timescaledb_information.continuous_aggregates WHERE view_name = 'sensor_hours'"

_HOURS = """
    SELECT {bucket} AS bucket, hub_id, sensor_id, count(*) AS events
    FROM sensor_logs
    GROUP BY 1, 2, 3
"""
PLAIN_VIEW = "CREATE VIEW sensor_hours AS" + _HOURS.format(bucket="date_trunc('hour', \"timestamp\")")

# Korea's hours are whole hours of UTC, so hourly buckets need no time zone; a continuous aggregate with one would be
# recomputed by a slower path.
POLICIES = (
    "ALTER TABLE sensor_logs SET (timescaledb.compress, timescaledb.compress_segmentby = 'hub_id', "
    "timescaledb.compress_orderby = '\"timestamp\" DESC, sensor_id, sensor_value')",
    f"SELECT add_compression_policy('sensor_logs', INTERVAL '{COMPRESSED_AFTER_DAYS} days', if_not_exists => true)",
    f"SELECT add_retention_policy('sensor_logs', INTERVAL '{KEPT_DAYS} days', if_not_exists => true)",
    # real-time: hours that are not materialised yet are counted from the rows, so an alarm's page is never behind
    "CREATE MATERIALIZED VIEW sensor_hours WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS"
    + _HOURS.format(bucket="time_bucket('1 hour', \"timestamp\")")
    + "WITH NO DATA",
    # imported history may be of any age: whatever changed within the kept time is counted again
    f"SELECT add_continuous_aggregate_policy('sensor_hours', start_offset => INTERVAL '{KEPT_DAYS - 1} days', "
    "end_offset => INTERVAL '1 hour', schedule_interval => INTERVAL '30 minutes', if_not_exists => true)",
    f"SELECT add_retention_policy('sensor_hours', INTERVAL '{KEPT_DAYS} days', if_not_exists => true)",
)
UNDO_POLICIES = (
    "DROP MATERIALIZED VIEW sensor_hours",
    "SELECT remove_retention_policy('sensor_logs', if_exists => true)",
    "SELECT remove_compression_policy('sensor_logs', if_exists => true)",
    "SELECT decompress_chunk(chunk, true) FROM show_chunks('sensor_logs') AS chunk",
    "ALTER TABLE sensor_logs SET (timescaledb.compress = false)",
)
ADOPT_TABLE = (
    f"SELECT create_hypertable('sensor_logs', by_range('timestamp', INTERVAL '{CHUNK_DAYS} days'), "
    "create_default_indexes => false, migrate_data => true)"
)


class Storage(StrEnum):
    """How sensor events are kept in one database."""

    PLAIN = "plain table"
    APACHE = "hypertable without policies (apache licence)"
    FULL = "hypertable with compression, retention and hourly aggregate"
    NOT_ADOPTED = "plain table, TimescaleDB installed: run `manage.py adopt_timescaledb`"


def find_storage(connection: BaseDatabaseWrapper) -> Storage:
    """Tell how `sensor_logs` is kept, or would be kept after its migrations, in this database."""
    with connection.cursor() as cursor:
        cursor.execute(_EXTENSION)
        installed = cursor.fetchone()
        if installed is None:
            return Storage.PLAIN
        cursor.execute(_HYPERTABLE)
        if cursor.fetchone() is None:
            return Storage.NOT_ADOPTED
    return Storage.FULL if installed[0] == "timescale" else Storage.APACHE


def add_policies(connection: BaseDatabaseWrapper, execute: Callable[[str], object]) -> Storage:
    """Create `sensor_hours`, and the policies where this database can run them. Returns what it found."""
    storage = find_storage(connection)
    for statement in POLICIES if storage is Storage.FULL else (PLAIN_VIEW,):
        execute(statement)
    return storage


def remove_policies(connection: BaseDatabaseWrapper, execute: Callable[[str], object]) -> None:
    """Undo `add_policies`; chunks are decompressed, no event is lost."""
    for statement in UNDO_POLICIES if has_aggregate(connection) else ("DROP VIEW sensor_hours",):
        execute(statement)


def has_aggregate(connection: BaseDatabaseWrapper) -> bool:
    """Whether `sensor_hours` is a continuous aggregate, not the plain view."""
    if not has_timescaledb(connection):
        return False
    with connection.cursor() as cursor:
        cursor.execute(_AGGREGATE)
        return cursor.fetchone() is not None


_installed: WeakKeyDictionary[BaseDatabaseWrapper, bool] = WeakKeyDictionary()


def has_timescaledb(connection: BaseDatabaseWrapper) -> bool:
    """Whether the extension is installed. Asked once per connection object: queries take a way that works with both."""
    known = _installed.get(connection)
    if known is None:
        with connection.cursor() as cursor:
            cursor.execute(_EXTENSION)
            known = cursor.fetchone() is not None
        _installed[connection] = known
    return known
