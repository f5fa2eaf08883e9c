"""The reference hub as a program: events that it took survive its sudden death."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from tests.examples.conftest import reach

if TYPE_CHECKING:
    from tests.examples.backend_double import BackendDouble

PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "hub.py"
LINES = "".join(
    json.dumps({"sensor_id": f"sensor {number}", "event_content": "motion on", "sensor_value": True}) + "\n"
    for number in range(50)
)


def start(url: str, key: str, buffer: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), "--url", url, "--key", key, "--buffer", str(buffer), *options]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def count_buffered(buffer: Path) -> int:
    if not buffer.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{buffer}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM events").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # the program has not made its table yet


async def test_events_survive_kill_9_and_are_delivered_by_the_next_start(
    backend: BackendDouble, tmp_path: Path
) -> None:
    buffer = tmp_path / "hub.db"
    killed = start("http://127.0.0.1:1", backend.key, buffer)
    assert killed.stdin
    killed.stdin.write(LINES)
    killed.stdin.flush()
    await reach(lambda: count_buffered(buffer) == 50, within=15)
    killed.kill()
    killed.communicate()
    survivor = start(backend.url, backend.key, buffer, "--once")
    await reach(lambda: len(backend.stored) == 50, within=15)
    await reach(lambda: survivor.poll() is None)
    assert survivor.stdin
    survivor.stdin.close()
    await reach(lambda: survivor.poll() is not None, within=15)
    assert survivor.returncode == 0
    assert survivor.stderr
    assert "accepted 50" in survivor.stderr.read()
    survivor.stderr.close()
    assert count_buffered(buffer) == 0


async def test_lines_that_are_no_events_are_named_and_cost_no_others(backend: BackendDouble, tmp_path: Path) -> None:
    program = start(backend.url, backend.key, tmp_path / "hub.db", "--once")
    assert program.stdin
    program.stdin.write(
        'nonsense\n{"sensor_id": "x"}\n{"sensor_id": 5, "event_content": "a", "sensor_value": true}\n' + LINES
    )
    program.stdin.close()
    await reach(lambda: program.poll() is not None, within=15)
    assert program.stderr
    said = program.stderr.read()
    program.stderr.close()
    assert said.count("line not understood") == 3
    assert len(backend.stored) == 50


def test_a_missing_key_is_answered_by_what_to_do(tmp_path: Path) -> None:
    begin = time.monotonic()
    command = [sys.executable, str(PROGRAM), "--url", "http://127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd=tmp_path, timeout=20)
    assert done.returncode == 2
    assert "--key or HUB_KEY" in done.stderr
    assert time.monotonic() - begin < 20
