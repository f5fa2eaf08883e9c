"""The hypertable migrations, run on PGlite, the only TimescaleDB that a package registry ships."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import OperationalError, connections

from monitoring.hypertable import Storage, find_storage
from monitoring.models import SensorHour
from tests.bucket_cases import BUCKET_CASES, MIDNIGHT_SEOUL, BucketCase
from tests.optional_tools import give_up, require_tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import QuerySet
    from pytest_django import DjangoDbBlocker

FOLDER = Path(__file__).parent
REPOSITORY = FOLDER.parent.parent
READY_S = 60
COMMAND_S = 120
INSERT = "INSERT INTO sensor_logs (hub_id, timestamp, sensor_id, sensor_value, event_content) VALUES (%s,%s,%s,%s,%s)"
COMPRESS_ALL = "SELECT compress_chunk(chunk, true) FROM show_chunks('sensor_logs') AS chunk"


class Server:
    """One PGlite server. It takes one connection at a time, so each use opens its own and closes it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"postgres://postgres:postgres@127.0.0.1:{port}/postgres"

    def execute(self, statement: str, rows: list[tuple[Any, ...]] | None = None) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            for row in rows or [()]:
                cursor = connection.execute(statement.encode(), row)
            return cursor.fetchall() if cursor.description else []

    def connect(self) -> psycopg.Connection:
        """Open a connection; the server refuses one until it has noticed that the last was closed."""
        deadline = time.monotonic() + READY_S
        while True:
            try:
                # an SSLRequest would hang it, and the one session keeps prepared statements of connections gone
                return psycopg.connect(self.url, sslmode="disable", autocommit=True, prepare_threshold=None)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TIMESERIES_URL": self.url, "PGSSLMODE": "disable"}
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=COMMAND_S, check=False
        )

    def migrate(self, *target: str) -> None:
        done = self.manage("migrate", "monitoring", *target, "--database", "timeseries", "-v0")
        assert done.returncode == 0, done.stderr

    def query(self, rows: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
        with self.wrapper() as wrapper:
            compiler = rows.query.get_compiler(connection=wrapper)
            return [tuple(row) for row in compiler.results_iter(tuple_expected=True)]

    def storage(self) -> Storage:
        with self.wrapper() as wrapper:
            return find_storage(wrapper)

    @contextmanager
    def wrapper(self) -> Iterator[BaseDatabaseWrapper]:
        self.connect().close()
        known = connections["timeseries"]
        where = {"NAME": "postgres", "USER": "postgres", "PASSWORD": "postgres", "HOST": "127.0.0.1", "PORT": self.port}
        wrapper = type(known)({**known.settings_dict, **where, "OPTIONS": {"sslmode": "disable"}}, alias="timeseries")
        self.wait_for_room(wrapper)
        try:
            yield wrapper
        finally:
            wrapper.close()

    def wait_for_room(self, wrapper: BaseDatabaseWrapper) -> None:
        deadline = time.monotonic() + READY_S
        while True:
            try:
                return wrapper.ensure_connection()
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


@contextmanager
def run_server(node: str) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [node, "server.mjs", str(port)], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"ready {port}\n"
        yield Server(port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=READY_S)


@pytest.fixture(scope="module")
def node() -> str:
    path = require_tool("node")
    npm = require_tool("npm")
    command = [npm, "ci", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    if done.returncode:
        give_up(f"npm could not install PGlite: {done.stderr[-300:]}")
    return path


@pytest.fixture(autouse=True)
def own_database_allowed(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Queries go to a server of this module alone, which pytest-django does not know."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def hyper(node: str) -> Iterator[Server]:
    """A database that had the extension before its first migration. Each test uses a hub of its own."""
    with run_server(node) as server:
        server.execute("CREATE EXTENSION timescaledb")
        server.migrate()
        yield server


@pytest.fixture
def plain(node: str) -> Iterator[Server]:
    """A database that was migrated without the extension."""
    with run_server(node) as server:
        server.migrate()
        yield server


def make_events(start: datetime, count: int, step: timedelta, hub_id: int) -> list[tuple[Any, ...]]:
    return [(hub_id, start + step * number, "bedroom", True, "motion") for number in range(count)]


def test_migrations_make_a_hypertable_with_every_policy_and_the_key_whole(hyper: Server) -> None:
    assert hyper.storage() is Storage.FULL
    jobs = {row[0] for row in hyper.execute("SELECT proc_name FROM timescaledb_information.jobs WHERE job_id >= 1000")}
    assert jobs == {"policy_compression", "policy_retention", "policy_refresh_continuous_aggregate"}
    indexes = hyper.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'sensor_logs'")
    assert [row[0].split(" USING ")[1] for row in indexes] == ['btree (hub_id, "timestamp", sensor_id, sensor_value)']


def test_the_same_event_is_stored_once_also_when_its_chunk_is_compressed(hyper: Server) -> None:
    events = make_events(MIDNIGHT_SEOUL, 10, timedelta(days=1), hub_id=1)
    late = make_events(MIDNIGHT_SEOUL + timedelta(minutes=5), 1, timedelta(), hub_id=1)
    hyper.execute(INSERT, events)
    hyper.execute(COMPRESS_ALL)
    hyper.execute(INSERT + " ON CONFLICT DO NOTHING", events + late)
    assert hyper.execute("SELECT count(*) FROM sensor_logs WHERE hub_id = 1") == [(11,)]


def test_migrations_go_back_with_compressed_chunks_in_place_and_forward_again(hyper: Server) -> None:
    hyper.execute(INSERT, make_events(MIDNIGHT_SEOUL, 10, timedelta(days=1), hub_id=2))
    hyper.execute(COMPRESS_ALL)
    hyper.migrate("0001")
    assert hyper.execute("SELECT count(*) FROM sensor_logs WHERE hub_id = 2") == [(10,)]
    assert hyper.execute("SELECT 1 FROM timescaledb_information.jobs WHERE job_id >= 1000") == []
    hyper.migrate()
    assert hyper.storage() is Storage.FULL


def test_the_hourly_aggregate_counts_fresh_events_before_it_was_ever_refreshed(hyper: Server) -> None:
    hyper.execute(INSERT, make_events(MIDNIGHT_SEOUL + timedelta(minutes=30), 6, timedelta(minutes=10), hub_id=3))
    hours = SensorHour.objects.filter(hub_id=3).order_by("bucket").values_list("bucket", "sensor_id", "events")
    expected = [(MIDNIGHT_SEOUL, "bedroom", 3), (MIDNIGHT_SEOUL + timedelta(hours=1), "bedroom", 3)]
    assert hyper.query(hours) == expected
    hyper.execute("CALL refresh_continuous_aggregate('sensor_hours', NULL, NULL)")
    assert hyper.query(hours) == expected


@pytest.mark.parametrize("case", BUCKET_CASES, ids=lambda case: case.name)
def test_time_buckets_of_timescaledb_start_where_the_day_starts_in_korea(hyper: Server, case: BucketCase) -> None:
    hyper.execute(INSERT + " ON CONFLICT DO NOTHING", case.rows(hub_id=4))
    assert hyper.query(case.count_buckets(hub_id=4)) == case.expected


def test_a_plain_table_is_adopted_with_its_rows_its_key_and_its_hours(plain: Server) -> None:
    plain.execute(INSERT, make_events(MIDNIGHT_SEOUL, 30, timedelta(days=1), hub_id=5))
    refused = plain.manage("adopt_timescaledb")
    assert refused.returncode == 1
    assert "CREATE EXTENSION timescaledb" in refused.stderr
    plain.execute("CREATE EXTENSION timescaledb")
    assert plain.storage() is Storage.NOT_ADOPTED
    assert json.loads(plain.manage("adopt_timescaledb", "--json").stdout) == {"before": "not_adopted", "after": "full"}
    assert plain.execute("SELECT count(*) FROM sensor_logs") == [(30,)]
    assert plain.execute("SELECT count(*) >= 4 FROM show_chunks('sensor_logs')") == [(True,)]
    assert plain.execute("SELECT sum(events) FROM sensor_hours") == [(30,)]
    with pytest.raises(psycopg.errors.UniqueViolation):
        plain.execute(INSERT, make_events(MIDNIGHT_SEOUL, 1, timedelta(), hub_id=5))
    assert json.loads(plain.manage("adopt_timescaledb", "--json").stdout) == {"before": "full", "after": "full"}
