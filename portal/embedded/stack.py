"""The embedded servers of one data folder, started together and stopped in order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from portal.embedded import credentials as credential_store
from portal.embedded import leftovers, object_store, postgres, valkey
from portal.embedded.data_lock import DataLock
from portal.embedded.errors import ServerDidNotStart
from portal.embedded.object_store import ObjectStoreServer
from portal.embedded.postgres import PostgresServer
from portal.embedded.privileges import choose_server_user, require_enterable
from portal.embedded.valkey import ValkeyServer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from portal.embedded.process import ServerProcess

SERVERS = frozenset({"postgres", "valkey", "s3"})
_ATTEMPTS = 3
_OTHERS_STOP_SECONDS = 2.0


def _ignore(_message: str) -> None:
    return None


def _never() -> bool:
    return False


class EmbeddedStack:
    """Start `wanted` servers under `data_dir`, and stop them, PostgreSQL last.

    `start` holds the folder's lock until `stop`, also when nothing is wanted. `durable=False` is for data that a test
    throws away.
    """

    def __init__(
        self,
        data_dir: Path,
        wanted: Collection[str] = SERVERS,
        *,
        bucket: str = "anbu",
        durable: bool = True,
        report: Callable[[str], None] = _ignore,
        should_stop: Callable[[], bool] = _never,
    ) -> None:
        if unknown := set(wanted) - SERVERS:
            raise ValueError(f"Unknown servers {sorted(unknown)}; choose from {sorted(SERVERS)}.")
        self.data_dir = data_dir.resolve()
        self.wanted = frozenset(wanted)
        self.credentials: dict[str, str] = {}
        self.postgres: PostgresServer | None = None
        self.valkey: ValkeyServer | None = None
        self.object_store: ObjectStoreServer | None = None
        self.bucket = bucket
        self._durable = durable
        self._report = report
        self._should_stop = should_stop
        self._lock = DataLock(self.data_dir)

    @property
    def is_started(self) -> bool:
        return self._lock.is_held

    @property
    def records_path(self) -> Path:
        return self.data_dir / "run" / "processes.json"

    @property
    def processes(self) -> list[ServerProcess]:
        """The servers' processes in the order in which they are stopped."""
        servers = (self.object_store, self.valkey, self.postgres)
        return [server.process for server in servers if server is not None and server.process is not None]

    def start(self) -> None:
        """Start every server and return when all are ready. Raises EmbeddedServerError with nothing left running."""
        self._prepare_folder()
        self._lock.acquire()
        try:
            leftovers.end_leftovers(self.records_path, self._report)
            self.credentials = credential_store.load_or_generate(self.data_dir)
            self._choose_servers()
            self._start_servers()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the servers, PostgreSQL when the others are gone, and free the folder. Harmless when not started."""
        database = self.postgres.process if self.postgres is not None else None
        others = [process for process in self.processes if process is not database]
        for process in others:
            process.request_stop()
        deadline = time.monotonic() + _OTHERS_STOP_SECONDS
        for process in others:
            if not process.wait(max(0.0, deadline - time.monotonic())):
                process.kill()
                process.wait(_OTHERS_STOP_SECONDS)
        if database is not None:
            database.stop()
        if self.object_store is not None:
            self.object_store.remove_sockets()
        if self.is_started:
            self.records_path.unlink(missing_ok=True)
        self._lock.release()

    def record_processes(self, others: Collection[leftovers.RecordedProcess] = ()) -> None:
        """Note what runs, so that the next start can end what a killed one left behind."""
        ours = [
            leftovers.describe(process.name, process.pid, process.stop_signal)
            for process in self.processes
            if process.pid is not None
        ]
        leftovers.write_records(self.records_path, [*(record for record in ours if record), *others])

    def _prepare_folder(self) -> None:
        for folder, mode in ((self.data_dir, 0o755), (self.data_dir / "log", 0o700), (self.data_dir / "run", 0o700)):
            if not folder.exists():
                folder.mkdir(parents=True)
                folder.chmod(mode)  # whatever the umask

    def _choose_servers(self) -> None:
        if not self.wanted:
            return
        user = choose_server_user()
        if "postgres" in self.wanted:
            self.postgres = PostgresServer(self.data_dir, user, self.credentials, self._report, durable=self._durable)
        if "valkey" in self.wanted:
            self.valkey = ValkeyServer(self.data_dir, user, self.credentials)
        if "s3" in self.wanted:
            self.object_store = ObjectStoreServer(self.data_dir, user, self.credentials, self.bucket)
        servers = (self.postgres, self.valkey, self.object_store)
        needed = [path for server in servers if server is not None for path in server.required_paths()]
        require_enterable([*needed, self.data_dir], user)

    def _start_servers(self) -> None:
        """The store and Valkey come up while initdb works."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._spawn_and_wait()
                return
            except ServerDidNotStart as error:
                # Somebody took a port between our look and the server's bind.
                if attempt == _ATTEMPTS or "address already in use" not in str(error).lower():
                    raise
                self._report("A port was taken by another program while the servers started; trying other ports.")
                for process in self.processes:
                    process.stop()

    def _spawn_and_wait(self) -> None:
        if self.object_store is not None:
            self.object_store.prepare().start()
        if self.valkey is not None:
            self.valkey.prepare().start()
        if self.postgres is not None:
            self.postgres.prepare().start()
        self.record_processes()
        waits = (
            (self.valkey, valkey.READY_SECONDS),
            (self.postgres, postgres.READY_SECONDS),
            (self.object_store, object_store.READY_SECONDS),
        )
        for server, seconds in waits:
            if server is not None and server.process is not None:
                server.process.wait_ready(server.is_ready, seconds, self._should_stop)
        if self.postgres is not None:
            self.postgres.finish_start()
