"""Three times what the backend can keep, for a minute: what is refused, what it holds in memory, what it loses.

    make bench-overload

First it asks what the backend can do (64 batches of 100 events always under way), then hubs post three times that rate
whatever is answered. Every batch answered 200 is looked for in the table afterwards, event by event.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from benchmarks import processor_time
from benchmarks.bench_load import raise_open_files
from benchmarks.overload_hubs import EVENTS
from benchmarks.servers import ROOT, Backend, Web

TIMES = 3
WHOLE = """
    SELECT hub_id, floor(extract(epoch FROM "timestamp"))::bigint, count(*) FROM sensor_logs GROUP BY 1, 2
"""


class Memory:
    """The most that a process held, looked at ten times a second, for the time of a `with`."""

    def __init__(self, pid: int) -> None:
        self._pid, self._over = pid, threading.Event()
        self.before = self.most = processor_time.resident_bytes(pid)
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.most = max(self.most, processor_time.resident_bytes(self._pid))


def post(web: Web, path: Path, seconds: float, rate: float) -> tuple[dict[str, int], float, list[list[int]]]:
    command = [sys.executable, "-m", "benchmarks.overload_hubs", str(web.port), str(seconds), str(rate), str(path)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=seconds + 180)
    statuses, lasted, taken = json.loads(done.stdout)
    return statuses, lasted, taken


def count_missing(backend: Backend, taken: list[list[int]]) -> int:
    """Accepted events that are not in the table."""
    with psycopg.connect(backend.environment["TIMESERIES_URL"]) as connection:
        stored = {(hub_id, second): events for hub_id, second, events in connection.execute(WHOLE)}
    return sum(EVENTS - stored.get((backend.hub_ids[hub], second), 0) for hub, second in taken)


def measure(backend: Backend, web: Web, folder: Path, seconds: float) -> dict[str, Any]:
    path = folder / "keys"
    path.write_bytes(msgspec.msgpack.encode(backend.keys))
    statuses, lasted, _ = post(web, path, 10.0, 0)
    backend.empty()
    capacity = statuses["200"] / lasted
    with Memory(web.pid) as memory:
        statuses, lasted, taken = post(web, path, seconds, TIMES * capacity)
    time.sleep(2)
    return {
        "capacity_batches_a_s": capacity,
        "offered_batches_a_s": TIMES * capacity,
        "seconds": lasted,
        "statuses": statuses,
        "rss_before_mb": memory.before / 2**20,
        "rss_grown_mb": (memory.most - memory.before) / 2**20,
        "accepted_events": EVENTS * len(taken),
        "missing_events": count_missing(backend, taken),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    options = parser.parse_args()
    raise_open_files()
    folder = Path(tempfile.mkdtemp(prefix="anbu-bench-"))
    folder.chmod(0o755)
    backend = Backend(folder)
    try:
        backend.start()
        with Web("uvicorn", "portal.asgi", backend) as web:
            figures = measure(backend, web, folder, options.seconds)
    finally:
        backend.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures, indent=1))
    if options.out:
        machine: dict[str, Any] = {"cores": os.cpu_count(), "load": os.getloadavg()}
        machine["at"] = datetime.now(UTC).isoformat(timespec="seconds")
        options.out.write_text(json.dumps({"machine": machine, **figures}, indent=1) + "\n")
    if figures["missing_events"] or figures["rss_grown_mb"] > 50 or not figures["statuses"].get("429"):
        raise SystemExit("the backend did not hold what it promises under overload")


if __name__ == "__main__":
    main()
