"""The sockets of 10,000 homes on one web process: memory for each, how soon heartbeats are answered, and drops.

    make bench-load

The hubs are simulated by a process of their own; every one sends a heartbeat each 10 s and three events each 30 s.
It needs 20,000 open files (`ulimit -n`); where that is refused it says so and takes as many hubs as there is room for.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from benchmarks import processor_time
from benchmarks.servers import ROOT, Backend, Web

FILES = 20_000
KEPT_FREE = 500  # of the open files: stores, libraries, connections that post
EVENTS_EACH_S = 30.0


def raise_open_files() -> int:
    """How many files this process and its children may open now."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, max(FILES, most)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def read_offline(backend: Backend) -> int:
    """Hubs that are not online by their rows."""
    with psycopg.connect(backend.environment["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT count(*) FROM iot_hubs WHERE status <> 'online'").fetchone()
    return int(row[0]) if row else 0


def measure(backend: Backend, web: Web, folder: Path, seconds: float) -> dict[str, Any]:
    path = folder / "keys"
    path.write_bytes(msgspec.msgpack.encode(backend.keys))
    before = processor_time.resident_bytes(web.pid)
    command = [
        sys.executable,
        "-m",
        "benchmarks.socket_hubs",
        str(web.port),
        str(seconds),
        str(EVENTS_EACH_S),
        str(path),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hubs:
        if hubs.stdin is None or hubs.stdout is None:
            raise SystemExit("the hubs have no pipes")
        opened = json.loads(hubs.stdout.readline())
        after = processor_time.resident_bytes(web.pid)
        cpu, began = processor_time.of_process(web.pid), time.monotonic()
        figures = json.loads(hubs.stdout.readline())
        lasted = time.monotonic() - began
        cpu = processor_time.of_process(web.pid) - cpu
        held = processor_time.resident_bytes(web.pid)
        offline = read_offline(backend)
        hubs.stdin.close()
    return {
        **opened,
        **figures,
        "seconds": lasted,
        "kb_per_socket": (after - before) / 1024 / max(1, opened["opened"]),
        "grown_while_held_mb": (held - after) / 2**20,
        "web_cores": cpu / lasted,
        "not_online": offline,
    }


def report(figures: dict[str, Any]) -> None:
    drops = sum(figures["drops"].values())
    print(
        f"{figures['opened']:,} sockets opened in {figures['opened_in_s']:.0f} s, held for {figures['seconds']:.0f} s"
    )
    print(f"memory: {figures['kb_per_socket']:.1f} kB a socket, {figures['grown_while_held_mb']:+.1f} MB while held")
    print(
        f"heartbeats: {figures['heartbeats']:,}, answered after p50 {figures['p50_ms']:.1f} ms,"
        f" p99 {figures['p99_ms']:.1f} ms, at most {figures['most_ms']:.0f} ms"
    )
    print(f"web process: {figures['web_cores']:.2f} cores; posts by status: {figures['posts']}")
    print(f"drops: {drops} {figures['drops'] or ''}; hubs not online at the end: {figures['not_online']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hubs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    options = parser.parse_args()
    files = raise_open_files()
    hubs = min(options.hubs, files - KEPT_FREE)
    if hubs < options.hubs:
        print(f"only {files} open files are allowed here, so {hubs} hubs take part; raise it with `ulimit -Hn {FILES}`")
    folder = Path(tempfile.mkdtemp(prefix="anbu-bench-"))
    folder.chmod(0o755)
    backend = Backend(folder, hubs)
    try:
        backend.start()
        with Web("uvicorn", "portal.asgi", backend) as web:
            figures = measure(backend, web, folder, options.seconds)
    finally:
        backend.stop()
        shutil.rmtree(folder, ignore_errors=True)
    report(figures)
    if options.out:
        machine: dict[str, Any] = {"cores": os.cpu_count(), "load": os.getloadavg(), "open_files": files}
        machine["at"] = datetime.now(UTC).isoformat(timespec="seconds")
        options.out.write_text(json.dumps({"machine": machine, "hubs": hubs, **figures}, indent=1) + "\n")
    if figures["drops"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
