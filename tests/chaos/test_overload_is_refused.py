"""Three times as much as the backend takes, for a minute: it says 429, grows by nothing, and keeps what it accepted."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chaos.backend import Backend, register_hubs
from tests.flows.product import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.flow, pytest.mark.long]
HUBS, SECONDS = 64, 60
GROWTH_MB = 50


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    running = Backend("web")
    try:
        yield running
    finally:
        running.remove()


class MemoryWatch:
    """Resident megabytes of a process, each half second."""

    def __init__(self, pid: int) -> None:
        self.seen: list[float] = []
        self._status = Path(f"/proc/{pid}/status")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            fields = dict(line.split(":", 1) for line in self._status.read_text().splitlines())
            self.seen.append(int(fields["VmRSS"].split()[0]) / 1024)


def test_a_minute_of_three_times_the_load_is_refused_without_growth_or_loss(backend: Backend) -> None:
    hubs = register_hubs(backend.staff, HUBS)
    command = [sys.executable, "-m", "tests.chaos.overload", "--url", backend.url, "--seconds", str(SECONDS)]
    with MemoryWatch(backend.running["web"].pid) as memory:
        done = subprocess.run(
            command, cwd=ROOT, env=backend.environment, input=json.dumps(hubs), capture_output=True, text=True,
            timeout=SECONDS * 4, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    outcome = json.loads(done.stdout)
    statement = "SELECT sensor_id, count(*) FROM sensor_logs WHERE hub_id = ANY(%s) GROUP BY 1"
    stored = dict(backend.query(statement, [hub["hub_id"] for hub in hubs]))
    short = {batch: events for batch, events in outcome["accepted"].items() if stored.get(batch, 0) < events}
    # the first seconds are those of the measured capacity: what a busy process needs
    busy = max(memory.seen[:20])
    print(
        f"\ntakes {outcome['capacity']:.0f} batches of 1,000 a second, offered {outcome['offered']:.0f}"
        f" for {SECONDS} s: {outcome['statuses']}; web {busy:.0f} MB busy, {max(memory.seen):.0f} MB at most;"
        f" accepted {sum(outcome['accepted'].values())}, missing {len(short)} batches"
    )
    assert not short
    assert outcome["statuses"].get("429", 0) > 0
    assert set(outcome["statuses"]) <= {"200", "429", "held back"}
    assert max(memory.seen) - busy < GROWTH_MB
