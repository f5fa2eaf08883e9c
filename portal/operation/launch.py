"""One run of the whole product: servers, migrations, processes, and an orderly end."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from portal import runtime
from portal.embedded import leftovers
from portal.embedded.errors import StartInterrupted
from portal.embedded.ports import require_free
from portal.embedded.stack import EmbeddedStack
from portal.operation.procfile import ProcfileEntry, parse_procfile
from portal.operation.runtime_variables import compose_variables, name_missing_servers, restrict_environment
from portal.operation.supervisor import STOP_SECONDS, PortalProcess, Supervisor, stop_children

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from portal.operation.console import Console

_NOTES = ("backend", "ai", "provision")
_TICK_SECONDS = 0.1
_PROBE_EVERY_SECONDS = 0.3
_SLOW_START_SECONDS = 60.0
SEED = "seed"


class StepFailed(Exception):
    """A step before the processes, or the seed, ended with an error."""


class StopSignals:
    """Remembers that SIGINT, SIGTERM or SIGHUP came; the loops ask for it."""

    def __init__(self) -> None:
        self.requested = False

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._remember)

    def _remember(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True


@dataclass(frozen=True)
class LaunchPlan:
    """What `manage.py up` was asked for. `data_dir` is absolute."""

    data_dir: Path
    host: str
    port: int
    seed: str

    @property
    def probe_host(self) -> str:
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound

    @property
    def url(self) -> str:
        host = f"[{self.probe_host}]" if ":" in self.probe_host else self.probe_host
        return f"http://{host}:{self.port}"


class Launch:
    """Runs a plan in the calling thread until a stop is requested."""

    def __init__(
        self, plan: LaunchPlan, console: Console, stop: StopSignals, report: Callable[[str], None], *, collect: bool
    ) -> None:
        self._plan = plan
        self._console = console
        self._stop = stop
        self._report = report
        self._collect = collect
        self._stack = EmbeddedStack(
            plan.data_dir,
            name_missing_servers(os.environ),
            bucket=os.environ.get("S3_BUCKET") or "anbu",
            report=report,
            should_stop=lambda: stop.requested,
        )
        self._supervisor = Supervisor(report)
        self._processes: list[PortalProcess] = []
        self._seed: PortalProcess | None = None

    def run(self, announce_ready: Callable[[], None]) -> None:
        """Start everything, call `announce_ready` once, and return when a stop was requested and all is down.

        Raises EmbeddedServerError or StepFailed when it cannot; everything is stopped then too.
        """
        require_free(self._plan.host, self._plan.port)
        try:
            self._stack.start()
            self._write_notes()
            self._prepare_stores()
            self._watch_processes()
            self._loop(announce_ready)
        except StartInterrupted:
            self._report("Stopped before the start was complete.")
        finally:
            self._shut_down()

    def _write_notes(self) -> None:
        variables = compose_variables(self._stack, os.environ, self._plan.url)
        variables.backend["ANBU_ALLOWED_HOSTS"] = os.environ.get("ANBU_ALLOWED_HOSTS") or self._allowed_hosts()
        for kind in _NOTES:
            runtime.write(kind, getattr(variables, kind))

    def _allowed_hosts(self) -> str:
        hosts = ["localhost", "127.0.0.1", "[::1]", self._plan.probe_host]
        if self._plan.probe_host != self._plan.host:
            hosts.append(socket.gethostname())
        return ",".join(dict.fromkeys(hosts))

    def _prepare_stores(self) -> None:
        steps = [
            self._command("migrate", "migrate", "--no-input", "--verbosity", "0"),
            self._command(
                "migrate-timeseries", "migrate", "--no-input", "--verbosity", "0", "--database", "timeseries"
            ),
        ]
        if self._collect:
            steps.append(self._command("collectstatic", "collectstatic", "--no-input", "--clear"))
        self._run_steps(steps)
        self._run_steps([self._command("provision", "provision")])

    def _command(self, name: str, *arguments: str, **variables: str) -> PortalProcess:
        argv = (sys.executable, "manage.py", *arguments)
        return PortalProcess(name, argv, {**self._environment(), **variables}, runtime.REPOSITORY, self._console)

    def _run_steps(self, steps: Sequence[PortalProcess]) -> None:
        """Run `steps` side by side. Raises StepFailed with the name of one that failed."""
        for step in steps:
            step.start()
        try:
            while any(step.poll() is None for step in steps):
                if self._stop.requested:
                    raise StartInterrupted
                self._console.pump(_TICK_SECONDS)
        finally:
            stop_children(steps, 1.0, self._console.pump)
        self._console.pump(0)
        for step in steps:
            if step.poll() != 0:
                raise StepFailed(f"{step.name} failed; its output says why.")

    def _watch_processes(self) -> None:
        for server in self._stack.processes:
            self._supervisor.watch(server, is_running=True)
        ai_variables = runtime.read("ai")  # with the service key that `provision` has issued
        for entry in parse_procfile((runtime.REPOSITORY / "Procfile").read_text(encoding="utf-8")):
            process = self._make_process(entry, ai_variables)
            self._processes.append(process)
            self._supervisor.watch(process, is_running=False)

    def _make_process(self, entry: ProcfileEntry, ai_variables: dict[str, str]) -> PortalProcess:
        environment = self._environment()
        if entry.is_ai_worker:
            environment = restrict_environment(environment, ai_variables)
        argv = entry.expand({**environment, "HOST": self._plan.host, "PORT": str(self._plan.port)})
        return PortalProcess(entry.name, argv, {**environment, **entry.variables}, runtime.REPOSITORY, self._console)

    def _environment(self) -> dict[str, str]:
        """Return our own environment, with the programs of our own virtual environment first."""
        programs = str(Path(sys.executable).parent)
        path = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
        fixed = {"PATH": path, "PYTHONUNBUFFERED": "1", "ANBU_DATA": str(self._plan.data_dir)}
        return {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings", **fixed}

    def _loop(self, announce_ready: Callable[[], None]) -> None:
        started, ready, next_probe, warned = time.monotonic(), False, 0.0, False
        while not self._stop.requested:
            if self._supervisor.check():
                self._record_processes()
            self._console.pump(_TICK_SECONDS)
            if not ready and time.monotonic() >= next_probe:
                next_probe = time.monotonic() + _PROBE_EVERY_SECONDS
                answer = self._ask_readiness()
                if ready := answer.startswith("200 "):
                    announce_ready()
                    self._start_seed()
                elif not warned and time.monotonic() - started > _SLOW_START_SECONDS:
                    warned = True
                    self._report(f"{self._plan.url}/readyz is not ready after {_SLOW_START_SECONDS:.0f} s: {answer}")
            self._check_seed()

    def _ask_readiness(self) -> str:
        connection = http.client.HTTPConnection(self._plan.probe_host, self._plan.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            return f"{response.status} {response.read(2_000).decode('utf-8', 'replace')}"
        except (OSError, http.client.HTTPException) as error:
            return f"no answer ({error})"
        finally:
            connection.close()

    def _start_seed(self) -> None:
        if self._plan.seed == "demo":
            # a person reads its progress and the log-ins: no log lines in between
            self._seed = self._command(SEED, "seed_demo", ANBU_LOG_LEVEL="WARNING")
            self._seed.start()

    def _check_seed(self) -> None:
        if self._seed is not None and (status := self._seed.poll()) is not None:
            self._seed = None
            if status != 0:
                raise StepFailed("seed_demo failed; its output says why.")

    def _record_processes(self) -> None:
        ours = [
            leftovers.describe(process.name, process.pid, signal.SIGTERM)
            for process in self._processes
            if process.pid is not None and process.poll() is None
        ]
        self._stack.record_processes([record for record in ours if record])

    def _shut_down(self) -> None:
        """Processes first, then the servers, PostgreSQL last; 10 s at most."""
        running = [*self._processes, *([self._seed] if self._seed else [])]
        killed = stop_children(running, STOP_SECONDS, self._console.pump)
        if killed:
            self._report(f"Killed after {STOP_SECONDS:g} s of waiting: {', '.join(killed)}.")
        if self._stack.is_started:
            for kind in _NOTES:
                with contextlib.suppress(OSError):
                    runtime.forget(kind)
        self._stack.stop()
