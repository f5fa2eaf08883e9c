"""The stores and web processes that a benchmark drives: embedded, durable, in a folder that is thrown away."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg

from portal.embedded.stack import EmbeddedStack
from portal.operation.runtime_variables import compose_variables

if TYPE_CHECKING:
    from collections.abc import Collection

    from portal.embedded.postgres import PostgresServer
    from portal.embedded.valkey import ValkeyServer

ROOT = Path(__file__).parents[1]
HUBS = 512
# in bulk: one by one ten thousand would take minutes
REGISTER = """
import json
from django.db import transaction
from devices.api_keys import new_key
from devices.models import HubKey, IoTHub
from seniors.models import Senior
with transaction.atomic():
    seniors = [Senior(full_name=f"bench {number}", address="bench") for number in range(%d)]
    seniors = Senior.objects.bulk_create(seniors, batch_size=1000)
    hubs = [IoTHub(senior=senior, device_id=f"BENCH-{number}") for number, senior in enumerate(seniors)]
    hubs = IoTHub.objects.bulk_create(hubs, batch_size=1000)
    keys = [new_key("hub") for _ in hubs]
    rows = [HubKey(hub=hub, prefix=key.prefix, key_hash=key.key_hash) for hub, key in zip(hubs, keys)]
    HubKey.objects.bulk_create(rows, batch_size=1000)
print("KEYS" + json.dumps([[hub.hub_id for hub in hubs], [key.key for key in keys]]))
"""


class Backend:
    """PostgreSQL and Valkey with the product's tables and registered hubs, `keys` in the order of `hub_ids`."""

    def __init__(self, folder: Path, hubs: int = HUBS, servers: Collection[str] = ("postgres", "valkey")) -> None:
        self._hubs = hubs
        self._stack = EmbeddedStack(folder, servers)
        self.environment: dict[str, str] = {}
        self.keys: list[str] = []
        self.hub_ids: list[int] = []

    def start(self) -> None:
        self._stack.start()
        surroundings = {"PATH": os.environ["PATH"], "ANBU_DATA": str(self._stack.data_dir), "ANBU_LOG_LEVEL": "WARNING"}
        unused = {"S3_ENDPOINT_URL": "http://127.0.0.1:1", "S3_ACCESS_KEY": "unused", "S3_SECRET_KEY": "unused"}
        if "s3" in self._stack.wanted:
            unused.clear()
        variables = compose_variables(self._stack, surroundings | unused, web_url="http://127.0.0.1:1")
        self.environment = surroundings | variables.provision | variables.backend | {"ANBU_DB_POOL": "20"}
        (self._stack.data_dir / "static").mkdir()  # WhiteNoise warns of a folder that is not there
        self.manage("migrate", "--verbosity", "0")
        self.manage("migrate", "--verbosity", "0", "--database", "timeseries")
        told = self.manage("shell", "--verbosity", "0", "-c", REGISTER % self._hubs).rpartition("KEYS")[2]
        self.hub_ids, self.keys = json.loads(told)

    def stop(self) -> None:
        self._stack.stop()

    @property
    def postgres_pid(self) -> int:
        return _pid(self._stack.postgres)

    @property
    def valkey_pid(self) -> int:
        return _pid(self._stack.valkey)

    def empty(self) -> None:
        """Every round begins with an empty table and a checkpoint behind it."""
        with psycopg.connect(self.environment["TIMESERIES_URL"], autocommit=True) as connection:
            connection.execute("TRUNCATE sensor_logs, ingest_batches")
        with psycopg.connect(self.environment["ANBU_ADMIN_DATABASE_URL"], autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    def count_events(self) -> int:
        with psycopg.connect(self.environment["TIMESERIES_URL"]) as connection:
            row = connection.execute("SELECT count(*) FROM sensor_logs").fetchone()
        return int(row[0]) if row else 0

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"manage.py {arguments[0]} failed: {done.stderr}")
        return done.stdout


class Web:
    """A web server on a free port, for the time of a `with`."""

    def __init__(self, server: str, application: str, backend: Backend, *, keeps: bool = True) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.keeps = keeps
        port = str(self.port)
        options = {
            "uvicorn": ["--host", "127.0.0.1", "--port", port, "--no-access-log", "--no-proxy-headers",
                        "--ws", "websockets", "--ws-max-size", "131072", "--ws-per-message-deflate", "false",
                        "--no-server-header", "--lifespan", "off", "--log-level", "warning"],
            "daphne": ["-b", "127.0.0.1", "-p", port, "--access-log", "/dev/null", "-v", "0", "--no-server-name"],
        }  # fmt: skip
        command = [sys.executable, "-m", server, *options[server], f"{application}:application"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=backend.environment)
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.1)
        raise SystemExit(f"the web process on port {self.port} does not listen")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)


def _pid(server: PostgresServer | ValkeyServer | None) -> int:
    pid = server.process.pid if server and server.process else None
    if pid is None:
        raise SystemExit("a server of the benchmark does not run")
    return pid
