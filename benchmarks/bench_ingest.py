"""How much a processor core keeps: our endpoint beside COPY and beside an endpoint that keeps nothing.

    make bench-ingest

Everything of one run is on one machine at one time, in rounds that go through all of it, so ratios mean something where
absolute figures do not. A core-second is CPU of the web process, of PostgreSQL with all its processes and of Valkey;
the client's is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from benchmarks import processor_time
from benchmarks.servers import HUBS, Backend, Web

ROOT = Path(__file__).parents[1]
IN_FLIGHT = 64
SERVERS = ("uvicorn", "daphne")
REQUESTS = {1: 6_000, 100: 1_200, 500: 300}
COPY_BATCHES = {100: 2_000, 5000: 50}


def compose_requests(keys: list[str], events: int, requests: int) -> list[bytes]:
    """HTTP requests of hubs in turn, no event twice: `requests` of `events` events each."""
    start = datetime.now(UTC) - timedelta(days=15) + timedelta(microseconds=time.time_ns() // 1000 % 10**9)
    composed = []
    for number in range(requests):
        first = start + timedelta(milliseconds=10 * number * events)
        body = json.dumps(
            {
                "events": [
                    {
                        "timestamp": (first + timedelta(milliseconds=10 * index)).isoformat(timespec="milliseconds"),
                        "sensor_id": f"room_{index % 7}_motion",
                        "event_content": "motion",
                        "sensor_value": index % 2 == 0,
                    }
                    for index in range(events)
                ],
            }
        ).encode()
        head = (
            f"POST /api/v1/hub/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {keys[number % len(keys)]}"
            f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        composed.append(head.encode() + body)
    return composed


class Bench:
    def __init__(self, backend: Backend, folder: Path) -> None:
        self.backend = backend
        self.folder = folder
        self.runs: list[dict[str, Any]] = []

    def flood(self, web: Web, events: int, name: str) -> None:
        """One round of one cell. The hubs are known and online when it begins."""
        self.backend.empty()
        requests = REQUESTS[events]
        path, warm_up = self.folder / "requests", self.folder / "warm-up"
        path.write_bytes(msgspec.msgpack.encode(compose_requests(self.backend.keys, events, requests)))
        if web.keeps:  # at once before the round: keys are remembered for 10 s, presence is written each 5 s
            warm_up.write_bytes(msgspec.msgpack.encode(compose_requests(self.backend.keys, 1, HUBS)))
            self._send(web, warm_up)
            self.backend.empty()
        before = self._cpu(web)
        figures = self._send(web, path)
        after = self._cpu(web)
        cpu = {part: after[part] - before[part] for part in before}
        if web.keeps:
            stored = self.backend.count_events()
            if figures["statuses"] != {"200": requests} or stored != events * requests:
                raise SystemExit(f"{name}: {figures['statuses']}, {stored} events stored of {events * requests}")
        rate = events * requests / sum(cpu.values())
        self.runs.append({"name": name, "events": events, "per_core_s": rate, "cpu": cpu, **figures})

    def copy(self, batch: int, hub_id: int) -> None:
        self.backend.empty()
        before = processor_time.of_family(self.backend.postgres_pid)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.copy_peer", str(batch), str(COPY_BATCHES[batch]), str(hub_id)],
            cwd=ROOT, env=self.backend.environment, check=True, capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        figures = json.loads(done.stdout)
        cpu = {"client": figures["cpu"], "postgres": processor_time.of_family(self.backend.postgres_pid) - before}
        rate = batch * COPY_BATCHES[batch] / sum(cpu.values())
        seconds = figures["seconds"]
        self.runs.append({"name": "COPY", "events": batch, "per_core_s": rate, "cpu": cpu, "seconds": seconds})

    def _send(self, web: Web, path: Path) -> dict[str, Any]:
        command = [sys.executable, "-m", "benchmarks.request_flood", str(web.port), str(IN_FLIGHT), str(path)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=180)
        figures: dict[str, Any] = json.loads(done.stdout)
        return figures

    def _cpu(self, web: Web) -> dict[str, float]:
        cpu = {"web": processor_time.of_process(web.pid)}
        if web.keeps:
            cpu["postgres"] = processor_time.of_family(self.backend.postgres_pid)
            cpu["valkey"] = processor_time.of_process(self.backend.valkey_pid)
        return cpu


def summarise(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line for each cell, of the medians over its rounds."""
    cells: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for run in runs:
        cells.setdefault((run["name"], run["events"]), []).append(run)
    lines = []
    for (name, events), rounds in cells.items():
        medians = {
            figure: statistics.median(each[figure] for each in rounds)
            for figure in ("per_core_s", "p50_ms", "p99_ms", "seconds")
            if figure in rounds[0]
        }
        parts = {part: statistics.median(each["cpu"][part] for each in rounds) for part in rounds[0]["cpu"]}
        rates = [each["per_core_s"] for each in rounds]
        lines.append({"name": name, "events": events, "low": min(rates), "high": max(rates), "cpu": parts, **medians})
    return lines


def report(lines: list[dict[str, Any]]) -> dict[str, float]:
    rates = {(line["name"], line["events"]): line["per_core_s"] for line in lines}
    print(f"{'':18} {'events':>7} {'events/core-s':>14} {'(low - high)':>20} {'p50 ms':>8} {'p99 ms':>8}  CPU s")
    for line in lines:
        span = f"({line['low']:,.0f} - {line['high']:,.0f})"
        cpu = ", ".join(f"{part} {seconds:.2f}" for part, seconds in line["cpu"].items())
        waits = f"{line.get('p50_ms', 0):8.1f} {line.get('p99_ms', 0):8.1f}"
        print(f"{line['name']:18} {line['events']:7} {line['per_core_s']:14,.0f} {span:>20} {waits}  {cpu}")
    ratios = {}
    for server in SERVERS:
        if (server, 1) in rates:
            ratios[f"{server}, 100 events, of COPY (batch 100)"] = rates[server, 100] / rates["COPY", 100]
            ratios[f"{server}, 500 events, of COPY (batch 5000)"] = rates[server, 500] / rates["COPY", 5000]
            ratios[f"{server}, 1 event, of the bare endpoint"] = rates[server, 1] / rates[f"bare {server}", 1]
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f}")
    return ratios


def measure(backend: Backend, folder: Path, rounds: int, servers: list[str]) -> list[dict[str, Any]]:
    bench = Bench(backend, folder)
    with ExitStack() as stack:
        webs = [
            (name, stack.enter_context(Web(server, application, backend, keeps=keeps)))
            for server in servers
            for name, application, keeps in (
                (server, "portal.asgi", True),
                (f"bare {server}", "benchmarks.bare_endpoint", False),
            )
        ]
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            for events in REQUESTS:
                for name, web in webs:
                    bench.flood(web, events, name)
            for batch in COPY_BATCHES:
                bench.copy(batch, 1_000_000)
    return bench.runs


def describe_machine(backend: Backend) -> dict[str, Any]:
    with psycopg.connect(backend.environment["TIMESERIES_URL"]) as connection:
        server = connection.execute("SHOW server_version").fetchone()
        timescale = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "postgresql": server[0] if server else "",
        "timescaledb": timescale is not None,
        "load_before": os.getloadavg(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="where the raw runs go, as JSON")
    parser.add_argument("--server", choices=SERVERS, action="append", help="that one alone; left out: both")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="anbu-bench-"))
    folder.chmod(0o755)
    backend = Backend(folder)
    try:
        backend.start()
        machine = describe_machine(backend)
        runs = measure(backend, folder, options.rounds, options.server or list(SERVERS))
        ratios = report(summarise(runs))
    finally:
        backend.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if options.out:
        raw = {"machine": machine | {"load_after": os.getloadavg()}, "ratios": ratios, "runs": runs}
        options.out.write_text(json.dumps(raw, indent=1) + "\n")


if __name__ == "__main__":
    main()
