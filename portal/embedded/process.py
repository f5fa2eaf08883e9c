"""One foreground child process: its log file, its readiness, its end."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portal.embedded.errors import ServerDidNotStart, StartInterrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from portal.embedded.privileges import ServerUser

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_LOG_SIZE_LIMIT = 20 * 1024 * 1024
_POLL_SECONDS = 0.03


def die_with_parent(parent_pid: int, death_signal: signal.Signals) -> Callable[[], None]:
    """Return a function for the child between fork and exec: the kernel then ends it when its parent is gone.

    prctl(2) drops the setting when the user changes, so it must run after that; it follows the thread that forked,
    so children are started by a thread that lives as long as the process.
    """

    def arrange() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent_pid:
                os._exit(1)

    return arrange


@dataclass
class ServerProcess:
    """A server that we run ourselves. `start` only spawns, so that a supervisor is never held up by it."""

    name: str
    argv: Sequence[str]
    log_path: Path
    user: ServerUser
    cwd: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    # Signals in turn with the seconds that each is given; the first is also sent when the parent dies.
    stop_steps: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0))
    _child: subprocess.Popen[bytes] | None = None
    _log_start: int = 0

    def start(self) -> None:
        """Spawn the process; its output is appended to the log file."""
        _shorten_log(self.log_path)
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._child = subprocess.Popen(  # noqa: S603 - our own binaries and arguments
                list(self.argv),
                cwd=self.cwd,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                user=self.user.uid if self.user.is_other else None,
                group=self.user.gid if self.user.is_other else None,
                extra_groups=sorted(self.user.groups) if self.user.is_other else None,
                preexec_fn=die_with_parent(os.getpid(), self.stop_signal),
            )

    @property
    def stop_signal(self) -> signal.Signals:
        return self.stop_steps[0][0]

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def poll(self) -> int | None:
        """Return the exit status, None while it runs or was never started."""
        return self._child.poll() if self._child else None

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def wait_ready(self, is_ready: Callable[[], bool], seconds: float, should_stop: Callable[[], bool]) -> None:
        """Return when `is_ready`; raise ServerDidNotStart with the log's last lines when it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if should_stop():
                raise StartInterrupted(f"Asked to stop while {self.name} was starting.")
            if (status := self.poll()) is not None:
                raise ServerDidNotStart(f"{self.name} ended with status {status} at its start.\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise ServerDidNotStart(f"{self.name} was not ready after {seconds:.0f} s.\n{self.last_words()}")
            time.sleep(_POLL_SECONDS)

    def request_stop(self) -> None:
        self._send(self.stop_signal)

    def stop(self) -> None:
        """Stop by each signal in turn; the last one cannot be refused."""
        for number, seconds in self.stop_steps:
            self._send(number)
            if self.wait(seconds):
                return

    def wait(self, seconds: float) -> bool:
        """Return whether the process is gone within `seconds`."""
        if self._child is None:
            return True
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def last_words(self, lines: int = 12) -> str:
        """Return the end of what this start wrote, with the log file's place."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            text = log.read()[-16_384:].decode("utf-8", "replace")
        tail = text.strip().splitlines()[-lines:]
        return "\n".join([f"The last lines of {self.log_path}:", *(f"  {line}" for line in tail or ["(nothing)"])])

    def _send(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)


def _shorten_log(path: Path) -> None:
    if path.exists() and path.stat().st_size > _LOG_SIZE_LIMIT:
        path.replace(path.with_suffix(".old.log"))
