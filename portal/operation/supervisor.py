"""Starts processes, starts again what dies, and stops all of them by a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from portal.embedded.process import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from portal.operation.console import Console

STOP_SECONDS = 3.5
_KILL_SECONDS = 1.0


@dataclass
class Backoff:
    """How long to wait before the next start: doubling, and from the beginning after a life that was long enough."""

    first_seconds: float = 0.5
    longest_seconds: float = 10.0
    good_life_seconds: float = 30.0
    _next_seconds: float = field(default=0.0, init=False)

    def delay_after(self, life_seconds: float) -> float:
        """Return the wait after a life of `life_seconds`."""
        if self._next_seconds == 0.0 or life_seconds >= self.good_life_seconds:
            self._next_seconds = self.first_seconds
        delay = self._next_seconds
        self._next_seconds = min(delay * 2, self.longest_seconds)
        return delay


class Child(Protocol):
    """What the supervisor needs of a process; embedded servers and the product's own processes both are one."""

    @property
    def name(self) -> str: ...
    def start(self) -> None: ...
    def poll(self) -> int | None: ...
    def request_stop(self) -> None: ...
    def kill(self) -> None: ...


@dataclass
class PortalProcess:
    """One process of the product, leader of its own process group."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    console: Console
    _child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        output = self.console.open_output(self.name)
        try:
            self._child = subprocess.Popen(  # noqa: S603 - the project's own Procfile
                list(self.argv),
                cwd=self.cwd,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=die_with_parent(os.getpid(), signal.SIGKILL),
            )
        finally:
            os.close(output)

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def poll(self) -> int | None:
        """Return the exit status, None while it runs. What a dead leader leaves of its group is killed."""
        if self._child is None or self._child.returncode is not None:
            return self._child.returncode if self._child else None
        # Not reaped yet, so its id, which is the group's, cannot be anybody else's.
        if os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        self._signal_group(signal.SIGKILL)
        return self._child.wait()

    def request_stop(self) -> None:
        """Ask the leader alone: Celery's pool children take a SIGTERM as an order to drop their task."""
        if self._child is not None and self.poll() is None:
            self._child.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        if self.poll() is None:
            self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        if self._child is not None:
            try:
                os.killpg(self._child.pid, number)
            except (ProcessLookupError, PermissionError):
                # Nobody of the group is left but the dead leader.
                return


@dataclass
class _Watched:
    child: Child
    backoff: Backoff
    started_at: float
    due_at: float | None


class Supervisor:
    """Watches children from one thread; `check` never waits. Reports each death and each start in one line."""

    def __init__(self, report: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._report = report
        self._clock = clock
        self._watched: list[_Watched] = []

    def watch(self, child: Child, *, is_running: bool) -> None:
        """Take a child over; one that is not running is started at the next check."""
        now = self._clock()
        self._watched.append(_Watched(child, Backoff(), now, None if is_running else now))

    @property
    def children(self) -> list[Child]:
        return [watched.child for watched in self._watched]

    def check(self) -> bool:
        """Start what is due and note what died. Return whether something was started."""
        return any([self._check_one(watched) for watched in self._watched])

    def _check_one(self, watched: _Watched) -> bool:
        now = self._clock()
        if watched.due_at is not None:
            return now >= watched.due_at and self._start(watched, now)
        status = watched.child.poll()
        if status is not None:
            life = now - watched.started_at
            self._schedule(watched, now, f"{describe_status(status)} after {life:.0f} s")
        return False

    def _start(self, watched: _Watched, now: float) -> bool:
        watched.started_at, watched.due_at = now, None
        try:
            watched.child.start()
        except OSError as error:
            self._schedule(watched, now, f"could not be started ({error})")
            return False
        return True

    def _schedule(self, watched: _Watched, now: float, what: str) -> None:
        delay = watched.backoff.delay_after(now - watched.started_at)
        watched.due_at = now + delay
        self._report(f"{watched.child.name} {what}; starting it again in {delay:g} s.")


def stop_children(children: Sequence[Child], seconds: float, wait: Callable[[float], None]) -> list[str]:
    """Ask all of `children` to stop and kill those that have not by then; return the names of the killed.

    `wait` is called with a short time for as long as some still run.
    """
    for child in children:
        child.request_stop()
    _wait_for_end(children, seconds, wait)
    stubborn = [child for child in children if child.poll() is None]
    for child in stubborn:
        child.kill()
    _wait_for_end(stubborn, _KILL_SECONDS, wait)
    return [child.name for child in stubborn]


def _wait_for_end(children: Sequence[Child], seconds: float, wait: Callable[[float], None]) -> None:
    deadline = time.monotonic() + seconds
    while any(child.poll() is None for child in children) and time.monotonic() < deadline:
        wait(0.05)


def describe_status(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
