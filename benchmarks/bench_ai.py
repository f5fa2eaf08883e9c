"""How many seniors a processor core scores: whole ticks of the product, beside a task for each senior.

    make bench-ai

A tick is fetch, verify, score and record: weights, state and news are read, digests checked, everybody scored, the
state written, and risks reported (to a sink: what the backend does with them is not the tick's). A core-second is CPU
of the worker, of PostgreSQL with all its processes, and of Valkey.

    rebuild   a new process, and no state in Valkey: everything from the events
    cold      a new process, its start counted too; weights and state in Valkey
    warm      the ticks that follow, each with news of every fiftieth home
    naive     a Celery task for each of 200 seniors, an IsolationForest by joblib from Valkey
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
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from benchmarks import processor_time
from benchmarks.risk_sink import RiskSink
from benchmarks.servers import Backend

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
SHARDS = {1_000: 1, 10_000: 2, 100_000: 4}
WORKER = {"DJANGO_SETTINGS_MODULE": "portal.settings", "ANBU_WORKER": "scoring", "ANBU_DB_POOL": "0"}
SETTLE_SECONDS = 31
NAIVE_SENIORS = 200


class Worker:
    """A scoring process; every call of `tick` is one tick of all shards, with what it cost."""

    def __init__(self, bench: Bench, shards: int) -> None:
        self._bench = bench
        self._before = bench.cpu()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scoring_process", str(shards)],
            cwd=ROOT, env=bench.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._spent = 0.0

    def tick(self) -> dict[str, Any]:
        cast("IO[str]", self._process.stdin).write("tick\n")
        cast("IO[str]", self._process.stdin).flush()
        line = cast("IO[str]", self._process.stdout).readline()
        if not line:
            raise SystemExit("the scoring process has ended")
        figures: dict[str, Any] = json.loads(line)
        spent, after = processor_time.of_process(self._process.pid), self._bench.cpu()
        cpu = {"worker": spent - self._spent} | {part: after[part] - self._before[part] for part in after}
        self._spent = spent
        return figures | {"cpu": cpu, "per_core_s": figures["seniors"] / sum(cpu.values())}

    def start_counting(self) -> None:
        self._before = self._bench.cpu()

    def stop(self) -> None:
        cast("IO[str]", self._process.stdin).close()
        self._process.wait(timeout=30)


class Bench:
    def __init__(self, backend: Backend, sink: RiskSink) -> None:
        self._backend = backend
        self.environment = {
            **backend.environment,
            **WORKER,
            "ANBU_BACKEND_URL": sink.url,
            "ANBU_SERVICE_KEY": "svc_bench.unused",
            "ANBU_LOG_LEVEL": "CRITICAL",
        }
        self.runs: list[dict[str, Any]] = []

    def cpu(self) -> dict[str, float]:
        return {
            "postgres": processor_time.of_family(self._backend.postgres_pid),
            "valkey": processor_time.of_process(self._backend.valkey_pid),
        }

    def note(self, name: str, seniors: int, figures: dict[str, Any]) -> None:
        self.runs.append({"name": name, "seniors": seniors, **{k: v for k, v in figures.items() if k != "seniors"}})

    def score(self, seniors: int, ticks: int, send_news: Callable[[], None]) -> None:
        """Every way of scoring so many seniors."""
        shards = SHARDS[seniors]
        worker = Worker(self, shards)
        self.note("rebuild", seniors, worker.tick())
        worker.stop()
        time.sleep(SETTLE_SECONDS)
        for _ in range(2):
            worker = Worker(self, shards)
            self.note("cold", seniors, worker.tick())
            for _ in range(ticks):
                send_news()
                worker.start_counting()
                self.note("warm", seniors, worker.tick())
            worker.stop()

    def score_naively(self, hub_ids: list[int]) -> None:
        """A task for each; the worker is up before it is counted."""
        from benchmarks.naive_scoring import DONE, connect_redis, fit_forest, score

        redis = connect_redis()
        forests = [fit_forest(seed) for seed in range(10)]
        for place, hub_id in enumerate(hub_ids):
            redis.set(f"naive:forest:{hub_id}", forests[place % len(forests)])
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "benchmarks.naive_scoring", "worker", "-Q", "naive", "-c", "1",
             "--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"],
            cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            for hub_id in hub_ids[:2]:
                score.delay(hub_id)
            wait_until(lambda: int(cast("bytes", redis.get(DONE)) or 0) >= 2)
            before = self.cpu() | {"worker": processor_time.of_family(worker.pid)}
            began = time.perf_counter()
            for hub_id in hub_ids:
                score.delay(hub_id)
            wait_until(lambda: int(cast("bytes", redis.get(DONE)) or 0) >= 2 + len(hub_ids))
            seconds = time.perf_counter() - began
            after = self.cpu() | {"worker": processor_time.of_family(worker.pid)}
        finally:
            worker.terminate()
            worker.wait(timeout=30)
        cpu = {part: after[part] - before[part] for part in after}
        rate = len(hub_ids) / sum(cpu.values())
        self.note("naive", len(hub_ids), {"seconds": seconds, "cpu": cpu, "per_core_s": rate})


def wait_until(is_so: Callable[[], bool], patience: float = 120.0) -> None:
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit("the naive worker does not get done")
        time.sleep(0.02)


def summarise(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line for each cell, of the medians over its ticks."""
    cells: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for run in runs:
        cells.setdefault((run["name"], run["seniors"]), []).append(run)
    lines = []
    for (name, seniors), ticks in cells.items():
        rates = [tick["per_core_s"] for tick in ticks]
        parts = {part: statistics.median(tick["cpu"][part] for tick in ticks) for part in ticks[0]["cpu"]}
        lines.append(
            {
                "name": name,
                "seniors": seniors,
                "ticks": len(ticks),
                "per_core_s": statistics.median(rates),
                "low": min(rates),
                "high": max(rates),
                "seconds": statistics.median(tick["seconds"] for tick in ticks),
                "slowest": max(tick["seconds"] for tick in ticks),
                "cpu": parts,
            }
        )
    return lines


def report(lines: list[dict[str, Any]]) -> dict[str, float]:
    print(f"{'':8} {'seniors':>8} {'ticks':>5} {'seniors/core-s':>15} {'(low - high)':>21} {'s a tick':>9}  CPU s")
    for line in lines:
        span = f"({line['low']:,.0f} - {line['high']:,.0f})"
        cpu = ", ".join(f"{part} {seconds:.3f}" for part, seconds in line["cpu"].items())
        print(
            f"{line['name']:8} {line['seniors']:8} {line['ticks']:5} {line['per_core_s']:15,.0f} {span:>21}"
            f" {line['seconds']:9.3f}  {cpu}"
        )
    rates = {(line["name"], line["seniors"]): line["per_core_s"] for line in lines}
    naive = rates.get(("naive", NAIVE_SENIORS))
    ratios = {
        f"{name}, {seniors} seniors, times naive": rate / naive
        for (name, seniors), rate in rates.items()
        if naive and name != "naive"
    }
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:,.0f}")
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ticks", type=int, default=10, help="warm ticks of each of two processes")
    parser.add_argument("--most", type=int, default=100_000, help="no more seniors than this")
    parser.add_argument("--least", type=int, default=1_000, help="no fewer seniors than this")
    parser.add_argument("--out", type=Path, help="where the raw runs go, as JSON")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="anbu-bench-"))
    folder.chmod(0o755)
    backend = Backend(folder, servers=("postgres", "valkey", "s3"), hubs=0)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load_before": os.getloadavg()}
    machine |= {"at": datetime.now(UTC).isoformat(timespec="seconds")}
    try:
        backend.start()
        os.environ.update(backend.environment | WORKER)
        from benchmarks.fleet import Fleet  # Django's settings are read when it is imported
        from benchmarks.weight_tiers import measure_tiers

        with RiskSink() as sink:
            bench, fleet = Bench(backend, sink), Fleet()
            for seniors in (size for size in SHARDS if options.least <= size <= options.most):
                fleet.grow(seniors)
                print(f"{seniors} seniors", file=sys.stderr, flush=True)
                bench.score(seniors, options.ticks, fleet.send_news)
            bench.score_naively(fleet.hub_ids[:NAIVE_SENIORS])
        tiers = measure_tiers(fleet)
    finally:
        backend.stop()
        shutil.rmtree(folder, ignore_errors=True)
    ratios = report(summarise(bench.runs))
    for name, value in tiers.items():
        print(f"{name}: {value:g}")
    if options.out:
        raw = {"machine": machine | {"load_after": os.getloadavg()}, "ratios": ratios, "tiers": tiers}
        options.out.write_text(json.dumps(raw | {"runs": bench.runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
