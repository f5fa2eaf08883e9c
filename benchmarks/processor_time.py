"""What processes cost, from /proc: user and system time in seconds."""

from __future__ import annotations

import os
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str]:
    """The numbered fields of /proc/PID/stat from the third on (proc(5)); the second may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def of_process(pid: int) -> float:
    """The process's own time, to the microsecond where the kernel tells it so."""
    try:
        return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        fields = _fields(pid)
        return (int(fields[11]) + int(fields[12])) * TICK_S


def of_all_threads(pid: int) -> float:
    """The same in clock ticks, as the kernel counts the whole process: schedstat may forget threads."""
    fields = _fields(pid)
    return (int(fields[11]) + int(fields[12])) * TICK_S


def of_family(pid: int) -> float:
    """A parent's time with that of its children, those that have ended too: PostgreSQL is one."""
    fields = _fields(pid)
    total = of_process(pid) + (int(fields[13]) + int(fields[14])) * TICK_S
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                if int(_fields(int(path.name))[1]) == pid:
                    total += of_process(int(path.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return total


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
