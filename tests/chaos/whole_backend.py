"""Every process between a pressed button and a person who takes it, each to be killed by its process id."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import redis

from portal import runtime
from portal.operation.runtime_variables import compose_variables, restrict_environment
from portal.worker_liveness import EXIT_DEAF
from tests.chaos.backend import BACK_WITHIN_S, Backend, children_of, kill_if_there
from tests.flows.product import ROOT, eventually

if TYPE_CHECKING:
    from portal.embedded.process import ServerProcess
    from portal.operation.procfile import ProcfileEntry

SECOND = "-2"  # a second process of the same kind
NAMES = ("web", "listener", "watchdog", "worker-scoring", "beat")


class WholeBackend(Backend):
    """Web, listener, two watchdogs at once, a scoring worker and beat."""

    def __init__(self) -> None:
        self.revived = 0
        super().__init__(*NAMES)
        self._entries["watchdog" + SECOND] = self._entries["watchdog"]
        self.start()

    @property
    def redis_url(self) -> str:
        return self.environment["REDIS_URL"]

    def start(self, *arguments: str) -> float:
        """Starts what does not run and waits until web is ready; how long that took."""
        began = time.monotonic()
        if not self.stack.is_started:
            self._start_stores()
        for name, entry in self._entries.items():
            if name not in self.running:
                self.running[name] = self._spawn(entry)
        self._process = self.running["web"]
        eventually(self._is_ready, BACK_WITHIN_S, f"web is ready; the log ends: {self.log_tail()}")
        eventually(lambda: all(map(self.works, self.running)), BACK_WITHIN_S, "every process has its store")
        return time.monotonic() - began

    def works(self, name: str) -> bool:
        """Whether the process has got so far that it talks to a store. The next fault is to be one of its own."""
        postgres, valkey = self.stack.postgres, self.stack.valkey
        assert postgres is not None
        assert valkey is not None
        return bool(remote_ports(self.running[name].pid) & {postgres.port, valkey.port})

    def revive(self) -> None:
        """What a supervisor does about a worker that ended itself because it no longer heard of its tasks."""
        for name, process in list(self.running.items()):
            if process.poll() == EXIT_DEAF:
                self.revived += 1
                self.running[name] = self._spawn(self._entries[name])

    def dead(self) -> dict[str, int]:
        """What ended by itself, with its status: nothing may."""
        ended = {name: process.poll() for name, process in self.running.items()}
        return {name: status for name, status in ended.items() if status is not None}

    def kill_family(self, name: str) -> None:
        """SIGKILL to a process and its children, so that a worker's pool does not outlive it."""
        process = self.running.pop(name)
        family = [process.pid, *children_of(process.pid)]
        for pid in family:
            kill_if_there(pid)
        process.wait(timeout=10)

    def kill_a_child(self, name: str) -> bool:
        """SIGKILL to a child of the process, as the kernel does when memory is short. False when it has none."""
        for pid in children_of(self.running[name].pid):
            kill_if_there(pid)
            return True
        return False

    def kill_valkey(self, *, with_its_data: bool) -> None:
        server = self._valkey()
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        assert server.wait(10)
        assert self.stack.valkey is not None
        if with_its_data:  # its users stay: they are the operator's, not the data's
            shutil.rmtree(self.stack.valkey.folder / "appendonlydir", ignore_errors=True)

    def start_valkey(self) -> None:
        server, valkey = self._valkey(), self.stack.valkey
        assert valkey is not None
        server.start()
        server.wait_ready(valkey.is_ready, BACK_WITHIN_S, lambda: False)

    def flush_valkey(self) -> None:
        with redis.Redis.from_url(self.redis_url, socket_timeout=5) as client:
            client.flushall()

    def ask(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """A query of the people's database; [] while it is away."""
        try:
            return self.query(statement, *parameters, store="DATABASE_URL")
        except psycopg.OperationalError:
            return []

    def _spawn(self, entry: ProcfileEntry) -> subprocess.Popen[bytes]:
        environment = self.environment
        if entry.is_ai_worker:
            environment = restrict_environment(environment, self._ai_variables())
        environment = {**environment, **entry.variables, "HOST": "127.0.0.1", "PORT": str(self.port)}
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                entry.expand(environment), cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )

    def _ai_variables(self) -> dict[str, str]:
        """With the service key that `provision` issued into the data folder."""
        note = runtime.read_private(self.data / "run" / "ai.json")
        return {**compose_variables(self.stack, {}, web_url=self.url).ai, **note}

    def _valkey(self) -> ServerProcess:
        assert self.stack.valkey is not None
        assert self.stack.valkey.process is not None
        return self.stack.valkey.process


def remote_ports(pid: int) -> set[int]:
    """The TCP ports to which a process has connections."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed in between
            sockets.add(str(descriptor.readlink()))
    ports = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if f"socket:[{fields[9]}]" in sockets and fields[3] == "01":  # established
            ports.add(int(fields[2].rpartition(":")[2], 16))
    return ports


def make_people(backend: WholeBackend, people: dict[str, str]) -> dict[str, int]:
    """Accounts by e-mail and role, all with the same password; their ids."""
    made = {}
    for email, role in people.items():
        arguments = ("--full-name", email.partition("@")[0], "--role", role, "--password-stdin")
        made[email] = int(backend.manage("create_staff", email, *arguments, stdin=PASSWORD)["staff_id"])
    return made


PASSWORD = "a-long-enough-password"
