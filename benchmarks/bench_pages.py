"""What the staff's pages cost in a province: 100,000 seniors and a million emergencies beside a thousand seniors.

    make bench-pages

Both sizes are measured on the same machine in one run, each page once a round, as a supervisor who sees everybody and
as a caseworker with 363 seniors. Beside them the floor: a view with one query that draws the same rows. Ratios of
medians mean something; absolute times depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.bench_ingest import describe_machine
from benchmarks.servers import ROOT, Backend

SMALL, LARGE = 1_000, 100_000


def run_client(backend: Backend, before: int, seniors: int, rounds: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.page_client", str(before), str(seniors), str(rounds)]
    environment = {**backend.environment, "DJANGO_SETTINGS_MODULE": "benchmarks.page_settings"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the pages could not be measured: {done.stderr[-3000:]}")
    pages: dict[str, Any] = json.loads(done.stdout.rpartition("PAGES")[2])
    return pages


def middle(page: dict[str, Any]) -> float:
    return float(statistics.median(page["seconds"])) * 1000


def describe(small: dict[str, Any], large: dict[str, Any]) -> list[str]:
    """A line for each page that both sizes have."""
    lines = [f"{'page':44} {'queries':>7} {'kB':>6} {'ms, 1,000':>10} {'ms, 100,000':>12} {'ratio':>6} {'to floor':>9}"]
    for name, page in large.items():
        if name not in small or name.startswith("floor"):
            continue
        who = name.rpartition(" · ")[2]
        floor = middle(large[f"floor: {'desk' if name.startswith('desk') else 'list'} · {who}"])
        lines.append(
            f"{name:44} {page['queries']:7} {page['bytes'] / 1000:6.0f} {middle(small[name]):10.1f}"
            f" {middle(page):12.1f} {middle(page) / middle(small[name]):6.2f} {middle(page) / floor:9.2f}"
        )
    return lines


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--seniors", type=int, default=LARGE)
    options.add_argument("--out", type=Path)
    asked = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="anbu-bench-"))
    folder.chmod(0o755)  # the servers' own user must get in
    backend = Backend(folder, hubs=0)
    try:
        backend.start()
        machine = describe_machine(backend)
        small = run_client(backend, 0, SMALL, asked.rounds)
        large = run_client(backend, SMALL, asked.seniors, asked.rounds)
    finally:
        backend.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(describe(small, large)))
    if asked.out:
        figures = {"machine": machine, "seniors": asked.seniors, "small": small, "large": large}
        asked.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
