"""Processes that an earlier run left behind, found by process id and start time, never by name."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PROC = Path("/proc")
_STOP_SECONDS = 5.0


@dataclass(frozen=True)
class RecordedProcess:
    """A process as it was when we started it. `started` tells it from a later one with the same id."""

    name: str
    pid: int
    started: str
    stop_signal: int


def describe(name: str, pid: int, stop_signal: signal.Signals) -> RecordedProcess | None:
    """Return the record of a running process; None when it is gone or this system has no /proc."""
    started = start_time(pid)
    return RecordedProcess(name, pid, started, int(stop_signal)) if started else None


def start_time(pid: int) -> str | None:
    """Return a mark that no other process of this machine ever shares with this `pid`."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        status = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may hold spaces; after it come state (field 3) ... starttime (field 22).
    fields = status.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else f"{boot}:{fields[19]}"


def write_records(path: Path, records: Iterable[RecordedProcess]) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_text(json.dumps([asdict(record) for record in records]), encoding="utf-8")
    draft.replace(path)


def end_leftovers(path: Path, report: Callable[[str], None]) -> None:
    """Stop what the records at `path` name and still runs, then forget them."""
    for record in _read_records(path):
        if _is_alive(record):
            report(f"Stopping {record.name} (process {record.pid}), left over from a run that was killed.")
            end(record)
    path.unlink(missing_ok=True)


def _read_records(path: Path) -> list[RecordedProcess]:
    try:
        return [RecordedProcess(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (FileNotFoundError, ValueError, TypeError):
        return []


def _is_alive(record: RecordedProcess) -> bool:
    return start_time(record.pid) == record.started


def end(record: RecordedProcess) -> None:
    """Ask the recorded process to stop, and kill it when it does not within 5 s."""
    for number in (record.stop_signal, signal.SIGKILL):
        try:
            os.kill(record.pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + _STOP_SECONDS
        while _is_alive(record) and time.monotonic() < deadline:
            time.sleep(0.05)
