"""The servers start by themselves, keep what they were given, name what is in their way, and leave nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
import pytest
import redis
from botocore.client import Config
from botocore.exceptions import ClientError

from portal import runtime
from portal.embedded import leftovers
from portal.embedded.credentials import CredentialsLost, secrets_path
from portal.embedded.errors import DataFolderBusy, EmbeddedServerError, FolderNotEnterable, ServerDidNotStart
from portal.embedded.ports import PortTaken, require_free
from portal.embedded.privileges import ServerUser, choose_server_user, require_enterable
from portal.embedded.stack import EmbeddedStack
from portal.operation.runtime_variables import compose_variables
from portal.operation.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTSIDER = ServerUser("outsider", 54_321, frozenset({54_321}), 54_321, is_other=True)
HOLD_SERVERS = """
import sys, time
from pathlib import Path
from portal.embedded.stack import EmbeddedStack
stack = EmbeddedStack(Path(sys.argv[1]), durable=False)
stack.start()
print(stack.postgres.process.pid, stack.valkey.process.pid, stack.object_store.process.pid, flush=True)
time.sleep(120)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' own user may enter, which pytest's are not."""
    path = Path(tempfile.mkdtemp(prefix="anbu-embedded-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


class Started:
    """A started stack, with a client for each server."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.said: list[str] = []
        self.stack = EmbeddedStack(folder, durable=False, report=self.said.append, **options)

    def __enter__(self) -> Started:
        self.stack.start()
        self.urls = compose_variables(self.stack, {}, "http://127.0.0.1:1").backend
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.stop()

    def database(self) -> psycopg.Connection:
        return psycopg.connect(self.urls["DATABASE_URL"], autocommit=True, connect_timeout=5)

    def cache(self) -> redis.Redis:
        return redis.Redis.from_url(self.urls["REDIS_URL"])

    def store(self, secret: str | None = None) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.urls["S3_ENDPOINT_URL"],
            aws_access_key_id=self.urls["S3_ACCESS_KEY"],
            aws_secret_access_key=secret or self.urls["S3_SECRET_KEY"],
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 5}),
        )


def test_what_was_stored_is_there_after_a_stop_and_a_start(folder: Path) -> None:
    with Started(folder) as first:
        with first.database() as database, first.cache() as cache:
            database.execute("CREATE TABLE kept (word text)")
            database.execute("INSERT INTO kept VALUES ('안부')")
            cache.set("kept", "yes")
        first.store().put_object(Bucket="anbu", Key="weights/1/a", Body=b"weights")
    with Started(folder) as second:
        with second.database() as database, second.cache() as cache:
            assert database.execute("SELECT word FROM kept").fetchall() == [("안부",)]
            assert cache.get("kept") == b"yes"
        assert second.store().get_object(Bucket="anbu", Key="weights/1/a")["Body"].read() == b"weights"
        assert second.urls["SECRET_KEY"] == first.urls["SECRET_KEY"]
        assert second.said == []


def test_the_databases_belong_to_a_role_that_is_no_superuser_and_keep_utc(folder: Path) -> None:
    with Started(folder, wanted={"postgres"}) as started, started.database() as database:
        row = database.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, current_setting('timezone'),"
            " current_setting('max_connections'), current_setting('server_encoding'),"
            " current_setting('listen_addresses') FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False, False, True, "UTC", "200", "UTF8", "127.0.0.1")
        names = {name for (name,) in database.execute("SELECT datname FROM pg_database").fetchall()}
        assert names >= {"anbu", "anbu_timeseries"}


def test_no_server_answers_without_its_password(folder: Path) -> None:
    with Started(folder) as started:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(started.urls["DATABASE_URL"].replace("//anbu:", "//anbu:wrong"), connect_timeout=5)
        port = started.stack.valkey.port if started.stack.valkey else 0
        with redis.Redis(port=port) as stranger, pytest.raises(redis.exceptions.AuthenticationError):
            stranger.ping()
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            started.store(secret="wrong").list_buckets()


def test_a_stop_takes_less_than_ten_seconds_with_a_session_open_and_ends_postgres_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Started(folder) as started:
        stack = started.stack
        database = next(process for process in stack.processes if process.name == "postgres")
        others = [process for process in stack.processes if process is not database]
        running_before_the_last: list[str] = []
        stop_database = database.stop

        def note_and_stop() -> None:
            running_before_the_last.extend(process.name for process in others if process.is_running)
            stop_database()

        monkeypatch.setattr(database, "stop", note_and_stop)
        session = started.database()
        began = time.monotonic()
        stack.stop()
        assert time.monotonic() - began < 10
        assert running_before_the_last == []
        assert database.poll() == 0
        session.close()


def test_a_second_start_on_the_same_folder_is_refused_and_names_the_first(folder: Path) -> None:
    busy = pytest.raises(DataFolderBusy, match=f"process {os.getpid()} runs its servers")
    with Started(folder, wanted=set()), busy:
        EmbeddedStack(folder, set()).start()
    with Started(folder, wanted=set()):
        pass


def test_each_killed_server_comes_back_on_its_port_with_its_data_within_five_seconds(folder: Path) -> None:
    with Started(folder) as started:
        with started.database() as database, started.cache() as cache:
            database.execute("CREATE TABLE kept AS SELECT 1 AS one")
            cache.set("kept", "yes")
            time.sleep(1.1)  # appendfsync everysec
        started.store().put_object(Bucket="anbu", Key="kept", Body=b"1")
        supervisor = Supervisor(started.said.append)
        for process in started.stack.processes:
            supervisor.watch(process, is_running=True)
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
        deadline = time.monotonic() + 5
        servers = (started.stack.postgres, started.stack.valkey, started.stack.object_store)
        while not all(server is not None and server.is_ready() for server in servers):
            assert time.monotonic() < deadline, started.said
            supervisor.check()
            time.sleep(0.02)
        with started.database() as database, started.cache() as cache:
            assert database.execute("SELECT one FROM kept").fetchone() == (1,)
            assert cache.get("kept") == b"yes"
        assert _read_when_volumes_are_back(started, "kept") == b"1"
        assert sum("was killed by SIGKILL" in line for line in started.said) == 3


def test_the_servers_of_a_killed_process_end_with_it_and_the_next_start_has_their_data(folder: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_SERVERS, str(folder)], cwd=runtime.REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    pids = [int(word) for word in holder.stdout.readline().split()]
    assert len(pids) == 3
    holder.kill()
    holder.wait()
    holder.stdout.close()
    deadline = time.monotonic() + 8
    while any(leftovers.start_time(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with Started(folder) as started, started.database() as database:
        assert database.execute("SELECT 1").fetchone() == (1,)


def test_a_left_over_lock_whose_process_id_is_now_another_process_is_removed_and_said(folder: Path) -> None:
    with Started(folder, wanted={"postgres"}):
        pass
    lock = folder / "pg" / "postmaster.pid"
    lock.write_text(f"{os.getppid()}\n{folder / 'pg'}\n", encoding="ascii")
    with Started(folder, wanted={"postgres"}) as started:
        assert [line for line in started.said if "postmaster.pid" in line]
        with started.database() as database:
            assert database.execute("SELECT 1").fetchone() == (1,)


def test_a_recorded_process_is_stopped_only_while_it_is_the_same_process(tmp_path: Path) -> None:
    said: list[str] = []
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    record = leftovers.describe("worker", child.pid, signal.SIGTERM)
    assert record is not None
    path = tmp_path / "processes.json"
    recycled = leftovers.RecordedProcess("worker", os.getpid(), record.started, int(signal.SIGKILL))
    leftovers.write_records(path, [recycled])
    leftovers.end_leftovers(path, said.append)
    assert said == []
    leftovers.write_records(path, [record])
    leftovers.end_leftovers(path, said.append)
    assert child.wait(5) == -signal.SIGTERM
    assert said == [f"Stopping worker (process {child.pid}), left over from a run that was killed."]
    assert not path.exists()


def test_a_server_that_dies_at_its_start_is_named_with_its_last_lines(folder: Path) -> None:
    with Started(folder, wanted={"postgres"}):
        pass
    with (folder / "pg" / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write("no_such_setting_at_all = 1\n")
    with pytest.raises(ServerDidNotStart, match="no_such_setting_at_all") as caught:
        EmbeddedStack(folder, {"postgres"}, durable=False).start()
    assert "postgres ended with status" in str(caught.value)
    with Started(folder, wanted={"valkey"}):
        pass  # the failed start has freed the folder


def test_a_start_without_the_folders_passwords_is_refused_rather_than_given_new_ones(folder: Path) -> None:
    with Started(folder, wanted={"valkey"}):
        pass
    secrets_path(folder).unlink()
    with pytest.raises(CredentialsLost, match=r"secrets\.json is missing"):
        EmbeddedStack(folder, {"valkey"}).start()


def test_secrets_can_be_read_by_their_owner_alone(folder: Path) -> None:
    with Started(folder, wanted=set()):
        pass
    path = secrets_path(folder)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert all(len(value) >= 40 for value in json.loads(path.read_text(encoding="utf-8")).values())


def test_a_folder_that_the_servers_user_cannot_enter_is_named_with_what_to_do(tmp_path: Path) -> None:
    home = tmp_path / "home"
    data = home / "project" / "var"
    data.mkdir(parents=True)
    for path in (tmp_path, *tmp_path.parents):
        if path.owner() == data.owner() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o011)
    home.chmod(0o700)
    with pytest.raises(FolderNotEnterable) as caught:
        require_enterable([data], OUTSIDER)
    message = str(caught.value)
    assert f"cannot enter the folder {home} (on the way to {data})" in message
    assert f"chmod o+x {home}" in message
    home.chmod(0o711)
    require_enterable([data], OUTSIDER)


def test_root_runs_the_servers_as_nobody_or_as_the_user_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.delenv("ANBU_SERVER_USER", raising=False)
    assert choose_server_user().name == "nobody"
    monkeypatch.setenv("ANBU_SERVER_USER", "daemon")
    assert choose_server_user().name == "daemon"
    for name, reason in (("nobody-of-that-name", "there is no user"), ("root", "which is root")):
        monkeypatch.setenv("ANBU_SERVER_USER", name)
        with pytest.raises(EmbeddedServerError, match=reason):
            choose_server_user()


def test_a_taken_port_is_refused_by_its_number() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port} cannot be listened on"):
            require_free("127.0.0.1", port)
    require_free("127.0.0.1", port)


def _read_when_volumes_are_back(started: Started, key: str) -> bytes:
    """The store answers at once, and reads a volume when its parts have found each other again: some seconds later."""
    deadline = time.monotonic() + 10
    while True:
        try:
            body: bytes = started.store().get_object(Bucket="anbu", Key=key)["Body"].read()
        except ClientError as error:
            assert error.response["Error"]["Code"] == "InternalError"
            assert time.monotonic() < deadline
        else:
            return body
