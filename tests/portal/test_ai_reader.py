"""The AI workers' database role and Valkey user reach what their work needs, and are refused everything else."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connections
from psycopg import sql
from redis.exceptions import NoPermissionError

from ai.models import ServiceAccount
from ai.reader_grants import ALL_COLUMNS, READER_GRANTS
from portal.embedded.postgres import binary_folder
from portal.embedded.stack import EmbeddedStack
from portal.operation import valkey_users
from portal.operation.database_roles import AI_ROLE, grant_reads
from portal.operation.provisioning import ACCOUNT, owner_connection, provide_all
from portal.operation.runtime_variables import change_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoDbBlocker

# tells pytest-django which databases to make
pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])


@pytest.fixture(autouse=True, scope="module")
def provisioned(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        assert [provision for provision in provide_all() if not provision.done] == []
        again = list(provide_all())
        assert [provision for provision in again if not provision.done] == []
        assert ServiceAccount.objects.filter(name__startswith=ACCOUNT).count() == 1
        yield
        ServiceAccount.objects.filter(name__startswith=ACCOUNT).delete()


def connect(alias: str) -> psycopg.Connection:
    place = connections[alias].settings_dict
    return psycopg.connect(
        host=place["HOST"],
        port=place["PORT"],
        dbname=place["NAME"],
        user=AI_ROLE,
        password=os.environ["ANBU_AI_DB_PASSWORD"],
        autocommit=True,
    )


@pytest.fixture
def reader() -> Iterator[psycopg.Connection]:
    """A session that has switched the read-only default off, as any client may: the grants alone are left."""
    with connect("default") as connection:
        connection.execute("SET default_transaction_read_only = off")
        yield connection


@pytest.fixture
def event_reader() -> Iterator[psycopg.Connection]:
    with connect("timeseries") as connection:
        connection.execute("SET default_transaction_read_only = off")
        yield connection


@pytest.fixture
def worker() -> Iterator[redis.Redis]:
    password = os.environ["ANBU_AI_REDIS_PASSWORD"]
    client = redis.Redis.from_url(change_user(settings.REDIS_URL, valkey_users.AI_USER, password))
    yield client
    client.close()


@pytest.mark.parametrize(
    ("alias", "table", "columns"),
    [(alias, table, columns) for alias, tables in READER_GRANTS.items() for table, columns in tables.items()],
)
def test_every_column_that_is_named_can_be_read(alias: str, table: str, columns: tuple[str, ...]) -> None:
    names = sql.SQL("*") if columns == ALL_COLUMNS else sql.SQL(", ").join(map(sql.Identifier, columns))
    with connect(alias) as connection:
        connection.execute(sql.SQL("SELECT {} FROM {} LIMIT 1").format(names, sql.Identifier(table)))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password_hash FROM staffs",
        "SELECT email FROM staffs",
        "SELECT api_key_hash FROM iot_hubs",
        "SELECT key_hash FROM hub_keys",
        "SELECT key_hash FROM service_accounts",
        "SELECT full_name FROM seniors",
        "SELECT health_info FROM seniors",
        "SELECT * FROM seniors",
        "SELECT description FROM emergency_logs",
        "SELECT * FROM access_log",
        "SELECT * FROM django_session",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT rolpassword FROM pg_authid",
    ],
)
def test_passwords_key_hashes_names_and_health_cannot_be_read(reader: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO seniors (full_name) VALUES ('x')",
        "UPDATE seniors SET created_at = now()",
        "DELETE FROM seniors",
        "TRUNCATE ai_weights",
        "UPDATE ai_weights SET is_active = true",
        "DELETE FROM emergency_logs",
        "CREATE TABLE mine (a int)",
        "CREATE TEMP TABLE mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "ALTER TABLE seniors ADD COLUMN mine int",
        "SET ROLE anbu",
        "ALTER ROLE ai_reader SUPERUSER",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
    ],
)
def test_every_write_is_refused_by_the_grants_alone(reader: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO ingest_batches (hub_id, first_at, last_at, events) VALUES (1, now(), now(), 1)",
        "UPDATE sensor_logs SET event_content = ''",
        "DELETE FROM sensor_logs",
        "TRUNCATE sensor_logs",
        "CREATE TEMP TABLE mine (a int)",
    ],
)
def test_sensor_events_cannot_be_changed(event_reader: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        event_reader.execute(statement)


def test_a_session_is_read_only_and_short_by_default() -> None:
    with connect("default") as connection:
        row = connection.execute(
            "SELECT current_setting('default_transaction_read_only'), current_setting('statement_timeout')"
        ).fetchone()
        assert row == ("on", "15s")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE mine (a int)")


def test_a_grant_that_is_no_longer_named_is_taken_back_and_a_new_table_stays_closed(
    reader: psycopg.Connection,
) -> None:
    with owner_connection("default") as owner:
        owner.execute("CREATE TABLE new_one (a int)")
        try:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute("SELECT a FROM new_one")
            grant_reads(owner, {**READER_GRANTS["default"], "new_one": ("a",)})
            reader.execute("SELECT a FROM new_one")
            assert grant_reads(owner, {**READER_GRANTS["default"], "never_made": ("a",)}) == ["never_made"]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute("SELECT a FROM new_one")
        finally:
            owner.execute("DROP TABLE new_one")


def test_psql_as_the_reader_selects_and_cannot_insert() -> None:
    place = connections["default"].settings_dict
    psql = [str(binary_folder() / "psql"), "-X", "-h", place["HOST"], "-p", str(place["PORT"])]
    psql += ["-U", AI_ROLE, "-d", place["NAME"], "-c"]
    environment = {**os.environ, "PGPASSWORD": os.environ["ANBU_AI_DB_PASSWORD"]}

    def run(statement: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*psql, statement], env=environment, capture_output=True, text=True, check=False)

    assert run("SELECT senior_id FROM seniors").returncode == 0
    refused = run("INSERT INTO seniors (full_name) VALUES ('x')")
    assert refused.returncode == 1
    assert "permission denied" in refused.stderr or "read-only transaction" in refused.stderr
    assert "permission denied for table staffs" in run("SELECT password_hash FROM staffs").stderr


def test_the_workers_own_keys_work(worker: redis.Redis) -> None:
    worker.set("weights:1:1", b"x", ex=60)
    assert worker.mget(["weights:1:1"]) == [b"x"]
    worker.hset("score:state:0", "state", "y")
    worker.lpush("scoring", "task")
    worker.sadd("_kombu.binding.scoring", "scoring")
    worker.zadd("unacked.scoring.index", {"tag": 1})
    worker.delete("weights:1:1", "score:state:0", "scoring", "_kombu.binding.scoring", "unacked.scoring.index")
    assert worker.eval("return redis.call('get', KEYS[1])", 1, "score:none") is None


def test_an_emergency_can_be_added_and_not_read_or_removed(worker: redis.Redis) -> None:
    worker.xadd("emergencies", {"json": "{}"})
    with redis.Redis.from_url(settings.REDIS_URL) as backend:
        try:
            for command in (
                ("XRANGE", "emergencies", "-", "+"),
                ("XREAD", "STREAMS", "emergencies", "0"),
                ("XTRIM", "emergencies", "MAXLEN", "0"),
                ("XGROUP", "CREATE", "emergencies", "other", "0"),
                ("DEL", "emergencies"),
            ):
                assert_refused(worker, *command)
        finally:
            backend.delete("emergencies")


@pytest.mark.parametrize(
    "command",
    [
        ("GET", "portal"),
        ("SET", "session:1", "x"),
        ("LPUSH", "portal", "task"),
        ("SADD", "_kombu.binding.portal", "scoring"),
        ("ZADD", "unacked.portal.index", "1", "tag"),
        ("XADD", "emergencies.dead", "*", "json", "{}"),
        ("RENAME", "weights:1:1", "portal"),
        ("EVAL", "return redis.call('get', 'portal')", "0"),
        ("PUBLISH", "staff", "x"),
        ("SUBSCRIBE", "staff"),
        ("KEYS", "*"),
        ("SCAN", "0"),
        ("RANDOMKEY",),
        ("DBSIZE",),
        ("FLUSHDB",),
        ("FLUSHALL",),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("CLIENT", "LIST"),
        ("SHUTDOWN",),
        ("MONITOR",),
    ],
)
def test_everything_else_in_valkey_is_refused(worker: redis.Redis, command: tuple[str, ...]) -> None:
    assert_refused(worker, *command)


def test_the_workers_user_is_still_there_after_a_restart_of_valkey() -> None:
    folder = Path(tempfile.mkdtemp(prefix="anbu-users-"))
    folder.chmod(0o755)
    try:
        for is_first in (True, False):
            stack = EmbeddedStack(folder, {"valkey"}, durable=False)
            stack.start()
            try:
                assert stack.valkey is not None
                if is_first:
                    url = stack.valkey.url("default", stack.credentials["ANBU_REDIS_PASSWORD"])
                    with redis.Redis.from_url(url) as backend:
                        valkey_users.create_user(backend, "made-up")
                with redis.Redis.from_url(stack.valkey.url("ai", "made-up")) as worker:
                    assert worker.ping()
                    assert_refused(worker, "GET", "portal")
            finally:
                stack.stop()
    finally:
        shutil.rmtree(folder)


def test_the_urls_of_the_ai_workers_carry_their_own_users() -> None:
    url = change_user(settings.REDIS_URL, valkey_users.AI_USER, "secret")
    assert urlsplit(url).username == "ai"
    assert urlsplit(url).port == urlsplit(settings.REDIS_URL).port


def assert_refused(client: redis.Redis, *command: str) -> None:
    connection: Any = client.connection_pool.get_connection()  # its methods are untyped
    try:
        connection.send_command(*command)
        with pytest.raises((NoPermissionError, redis.exceptions.ResponseError)) as caught:
            connection.read_response()
        assert any(words in str(caught.value).lower() for words in ("permission", "acl failure"))
    finally:
        connection.disconnect()
        client.connection_pool.release(connection)
