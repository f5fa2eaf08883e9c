"""The stores and a few processes of the product, each killed by its process id and started again at once.

`manage.py up` waits longer and longer before it starts again what keeps dying; here a kill is to follow the other.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from portal.embedded.stack import EmbeddedStack
from portal.operation.procfile import parse_procfile
from portal.operation.runtime_variables import compose_variables
from tests.flows.product import ROOT, Product, StaffClient, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PASSWORD = "a-long-enough-password"
EMAIL = "chaos@anbu.example"
BACK_WITHIN_S = 120


class Backend(Product):
    """Durable stores of its own, and those processes of the Procfile that a fault needs."""

    def __init__(self, *names: str) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="anbu-chaos-")))
        self.stack = EmbeddedStack(self.data)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.staff = StaffClient(self)
        procfile = parse_procfile((ROOT / "Procfile").read_text())
        self._entries = {entry.name: entry for entry in procfile if entry.name in names}
        try:
            self._prepare()
        except BaseException:
            self.remove()
            raise

    def start(self, *arguments: str) -> float:
        """Starts what does not run and waits until web is ready; how long that took."""
        began = time.monotonic()
        if not self.stack.is_started:
            self._start_stores()
        for name, entry in self._entries.items():
            if name not in self.running:
                environment = {**self.environment, **entry.variables, "HOST": "127.0.0.1", "PORT": str(self.port)}
                with self.log_path.open("ab") as log:
                    self.running[name] = subprocess.Popen(
                        entry.expand(environment), cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
                    )
        self._process = self.running["web"]
        eventually(self._is_ready, BACK_WITHIN_S, f"web is ready; the log ends: {self.log_tail()}")
        return time.monotonic() - began

    def kill(self, *names: str) -> None:
        """SIGKILL, by process id."""
        killed = [self.running.pop(name) for name in names]
        for process in killed:
            os.kill(process.pid, signal.SIGKILL)
        for process in killed:
            process.wait(timeout=10)

    def stop(self) -> float:
        """SIGTERM to the processes, then the stores; how long it took."""
        began = time.monotonic()
        stopped = [self.running.pop(name) for name in list(self.running)]
        for process in stopped:
            process.send_signal(signal.SIGTERM)
        for process in stopped:
            process.wait(timeout=60)
        self.stack.stop()
        return time.monotonic() - began

    def remove(self) -> None:
        self.stop()
        super().remove()

    def _prepare(self) -> None:
        self._start_stores()
        for command in (["migrate"], ["migrate", "--database", "timeseries"], ["provision"]):
            subprocess.run(
                [sys.executable, "manage.py", *command], cwd=ROOT, env=self.environment, capture_output=True, check=True
            )
        self.start()
        arguments = ("--full-name", "박지현", "--role", "supervisor", "--password-stdin")
        self.manage("create_staff", EMAIL, *arguments, stdin=PASSWORD)
        self.staff.login(EMAIL, PASSWORD)

    def _start_stores(self) -> None:
        self.stack.start()
        variables = compose_variables(self.stack, {}, web_url=self.url)
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        fixed = {"PATH": programs, "DJANGO_SETTINGS_MODULE": "portal.settings", "ANBU_LOG_LEVEL": "WARNING"}
        self.environment |= {**variables.provision, **variables.backend, **fixed}

    def kill_postgres(self) -> None:
        """All its processes, the postmaster first, so that none of them tidies up."""
        server = self.stack.postgres.process if self.stack.postgres else None
        assert server is not None
        assert server.pid is not None
        family = [server.pid, *children_of(server.pid)]
        for pid in family:
            kill_if_there(pid)
        assert server.wait(10)
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family), 10, "no process of it is left")

    def start_postgres(self) -> float:
        """On the same port; how long until it takes connections again."""
        began = time.monotonic()
        postgres = self.stack.postgres
        assert postgres is not None
        assert postgres.process is not None
        postgres.process.start()
        postgres.process.wait_ready(postgres.is_ready, BACK_WITHIN_S, lambda: False)
        return time.monotonic() - began

    def query(self, statement: str, *parameters: Any, store: str = "TIMESERIES_URL") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.environment[store], connect_timeout=5) as connection:
            return connection.execute(statement, parameters).fetchall()


def register_hubs(staff: StaffClient, count: int) -> list[dict[str, Any]]:
    """`count` seniors with a hub each; the hubs with their keys."""
    hubs = []
    for number in range(count):
        body = {"full_name": f"어르신 {number}", "address": "홍천읍", "hub": {"device_id": f"CHAOS:{time.time_ns()}"}}
        created = staff.call("POST", "/seniors", body)
        assert created.status_code == 201, created.text
        home = created.json()
        hubs.append(home["hub"] | {"senior_id": home["senior_id"]})
    return hubs


class JournalingHubs:
    """The reference hubs in a process of their own (journaling_hubs.py), for the length of a `with`."""

    def __init__(self, backend: Backend, hubs: Sequence[dict[str, Any]], rate: float, seconds: float) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hubs-", dir=backend.data))
        self.counts: dict[str, int] = {}
        self._log_path = self.folder / "hubs.log"
        command = [sys.executable, "-m", "tests.chaos.journaling_hubs", "--url", backend.url]
        command += ["--folder", str(self.folder), "--rate", str(rate), "--seconds", str(seconds)]
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=backend.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(hubs).encode() + b"\n")
        self._process.stdin.flush()

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def __enter__(self) -> JournalingHubs:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def drain(self) -> None:
        """No event more; returns when all that were given are answered for."""
        output, _ = self._process.communicate(timeout=300)  # closes its standard input, which ends the recording
        assert self._process.returncode == 0, self._log_path.read_text(errors="replace")[-3000:]
        self.counts = json.loads(output)


def children_of(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def kill_if_there(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
