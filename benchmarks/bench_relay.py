"""What a viewer costs: our relay beside Debian's Janus and beside aiortc's MediaRelay, in the same run.

    make bench-relay

Hub, relay and viewers are processes of their own on loopback; the clip is made on the spot: 1280x720, 25 frames a
second, H.264 baseline at 1.5 Mbit/s, a key frame each 2 s. CPU is the relay process's alone, per second of stream.
Ratios of one run mean something where absolute figures on a busy machine do not; a cell whose viewers got fewer than 24
frames a second measures the machine, and stays out of the medians while another round did better.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import processor_time
from benchmarks.relay.janus import find_janus, running_janus
from tests.devices.camera.numbered_clip import write_clip

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
CELLS = [(1, 1), (1, 5), (1, 10), (1, 20), (10, 1)]
MOST_FOR = {"mediarelay": 1}
WARM_UP_S, WINDOW_S = 3.0, 8.0
LEAST_FPS = 24


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(*arguments: str, waits_for: str = "") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        if waits_for:
            read_until(process, waits_for)
        yield process
    finally:
        process.kill()
        process.wait()


def read_until(process: subprocess.Popen[str], word: str) -> None:
    for line in process.stdout or ():
        if line.strip() == word:
            return
    raise RuntimeError(f"a process ended before it said {word!r}: {process.args!r}")


def wait_for_port(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            probe.settimeout(0.1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on {port}")


def measure(kind: str, clip: Path, homes: int, each: int) -> dict[str, Any]:
    """One cell: one relay, so many homes with so many viewers each."""
    port = free_port()
    with ExitStack() as stack:
        if kind == "janus":
            janus_port = free_port()
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="anbu-janus-")))
            process_id = stack.enter_context(running_janus(folder, janus_port)).pid
            stack.enter_context(started("benchmarks.relay.janus", str(port), str(janus_port)))
        else:
            process_id = stack.enter_context(started("benchmarks.relay.relays", kind, str(port))).pid
        wait_for_port(port)
        ends = "benchmarks.relay.ends"
        stack.enter_context(started(ends, "hub", str(port), str(clip), str(homes), waits_for="publishing"))
        viewers = stack.enter_context(
            started(ends, "viewers", str(port), str(homes), str(each), str(WARM_UP_S), str(WINDOW_S))
        )
        read_until(viewers, "window")
        before = processor_time.of_all_threads(process_id)
        read_until(viewers, "end")
        used = processor_time.of_all_threads(process_id) - before
        seen: dict[str, Any] = json.loads(viewers.stdout.readline() if viewers.stdout else "")
        return {
            "relay": kind,
            "homes": homes,
            "viewers": each,
            "cpu_per_stream_second": round(used / WINDOW_S, 4),
            "rss_mb": round(processor_time.resident_bytes(process_id) / 2**20, 1),
            **seen,
        }


def summarise(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians by cell, and the ratios that matter."""
    cells: dict[str, dict[str, Any]] = {}
    for run in runs:
        cells.setdefault(f"{run['relay']} {run['homes']}x{run['viewers']}", {}).setdefault("runs", []).append(run)
    for cell in cells.values():
        fed = [run for run in cell["runs"] if run["fps"] >= LEAST_FPS]
        cell["runs"] = fed or cell["runs"]
    medians = {
        name: {
            field: round(statistics.median(run[field] for run in cell["runs"]), 4)
            for field in ("cpu_per_stream_second", "fps", "rss_mb", "delay_p50_ms", "delay_p95_ms", "first_frame_s")
            if all(run[field] is not None for run in cell["runs"])
        }
        for name, cell in cells.items()
    }
    ratios = {}
    for title, over, under in (
        ("MediaRelay / ours at 1", "mediarelay 1x1", "passthrough 1x1"),
        ("ours / Janus at 1", "passthrough 1x1", "janus 1x1"),
        ("ours / Janus at 10", "passthrough 1x10", "janus 1x10"),
        ("ours / Janus at 20", "passthrough 1x20", "janus 1x20"),
    ):
        if over in medians and under in medians:
            ratio = medians[over]["cpu_per_stream_second"] / medians[under]["cpu_per_stream_second"]
            ratios[title] = round(ratio, 2)
    return {"medians": medians, "ratios": ratios, "load": os.getloadavg(), "runs": runs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    kinds = ["passthrough", "janus", "mediarelay"]
    if find_janus() is None:
        print("Janus is not measured: it is not installed (on Debian: apt install janus)")
        kinds.remove("janus")
    runs = []
    with tempfile.TemporaryDirectory(prefix="anbu-bench-") as folder:
        print("making the clip ...", flush=True)
        clip = write_clip(Path(folder), "video/H264", seconds=20, width=1280, height=720, bit_rate=1_500_000)
        for number in range(arguments.rounds):
            for homes, each in CELLS:
                for kind in kinds:
                    if each > MOST_FOR.get(kind, each) or (kind == "mediarelay" and homes > 1):
                        continue
                    run = measure(kind, clip, homes, each)
                    runs.append(run)
                    print(f"round {number + 1}: {run}", flush=True)
    summary = summarise(runs)
    for name, cell in summary["medians"].items():
        print(f"{name:18} {cell}")
    print(json.dumps(summary["ratios"], indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
