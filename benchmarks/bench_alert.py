"""From a hub's POST of an `sos` to the message in an open staff socket: idle, under an ingest flood, on 500 sockets.

    make bench-alert

All in one run on one machine: the two phases beside a bare ASGI application that keeps nothing. Each press is taken by
the senior's caseworker who sees it, as in life. The ratio of the two p99 means something where
absolute figures may not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.bench_ingest import describe_machine
from benchmarks.servers import Backend, Web

ROOT = Path(__file__).parents[1]
FLOOD_HUBS, FLOOD_EVENTS = 64, 100
SOCKETS, SOCKET_PRESSES = 500, 60
FLOOR_RATE = 50.0
LOG_IN = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY
from seniors.models import Senior, Staff, StaffSenior
staff = Staff.objects.create_user("bench@anbu.example", "a-long-enough-password", full_name="bench")
StaffSenior.objects.bulk_create(StaffSenior(staff=staff, senior=senior) for senior in Senior.objects.all())
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(staff.pk), settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = staff.get_session_auth_hash()
session.create()
print("COOKIE" + settings.SESSION_COOKIE_NAME + "=" + session.session_key)
"""


class Flood:
    """The hubs that never pause, for the length of a `with`."""

    def __init__(self, web: Web, keys: list[str], folder: Path) -> None:
        path = folder / "flood-keys"
        path.write_text(json.dumps(keys))
        command = [sys.executable, "-m", "benchmarks.endless_flood", str(web.port), str(FLOOD_EVENTS), str(path)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.figures: dict[str, Any] = {}

    def __enter__(self) -> Flood:
        time.sleep(3)  # under way
        return self

    def __exit__(self, *_: object) -> None:
        output, _errors = self._process.communicate(timeout=60)
        self.figures = json.loads(output)


def press(web: Web, cookie: str, keys: list[str], **about: Any) -> dict[str, Any]:
    """One phase of presses, in a process of its own."""
    told = {"port": web.port, "keys": keys, "cookie": cookie, "sockets": 1, "takes": True} | about
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.alert_client"],
        cwd=ROOT, input=json.dumps(told), capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def summarise(name: str, figures: dict[str, Any]) -> dict[str, Any]:
    shown = sorted(figures["shown_ms"])
    cut = {f"p{share}_ms": round(shown[min(len(shown) - 1, len(shown) * share // 100)], 2) for share in (50, 95, 99)}
    answered = round(statistics.median(figures["answered_ms"]), 2)
    line = {"name": name, "shown": len(shown), "lost": figures["lost"], **cut, "max_ms": round(shown[-1], 2)}
    line |= {"min_ms": round(shown[0], 2), "again": figures["again"]}
    return line | {"answered_p50_ms": answered, "statuses": figures["statuses"]}


def resolve_all(backend: Backend) -> None:
    """So that each button raises anew in the next phase."""
    with psycopg.connect(backend.environment["DATABASE_URL"]) as connection:
        connection.execute(
            "UPDATE emergency_logs SET status = 'resolved', resolved_at = now() WHERE status <> 'resolved'"
        )


def measure(backend: Backend, folder: Path, count: int, rate: float) -> list[dict[str, Any]]:
    cookie = backend.manage("shell", "--verbosity", "0", "-c", LOG_IN).rpartition("COOKIE")[2].strip()
    flooding, pressing = backend.keys[:FLOOD_HUBS], backend.keys[FLOOD_HUBS:]
    lines = []
    with Web("uvicorn", "benchmarks.bare_alert", backend, keeps=False) as bare:
        figures = press(bare, cookie, pressing, count=count, rate=FLOOR_RATE, takes=False)
        lines.append(summarise("bare ASGI", figures))
    with Web("uvicorn", "portal.asgi", backend) as web:
        press(web, cookie, pressing, count=30, rate=rate)  # every module is there, every connection open
        resolve_all(backend)
        lines.append(summarise("idle", press(web, cookie, pressing, count=count, rate=rate)))
        resolve_all(backend)
        with Flood(web, flooding, folder) as flood:
            lines.append(summarise("flood", press(web, cookie, pressing, count=count, rate=rate)))
        lines[-1]["flood"] = flood.figures
        resolve_all(backend)
        figures = press(web, cookie, pressing, count=SOCKET_PRESSES, rate=1.0, sockets=SOCKETS)
        lines.append(summarise(f"{SOCKETS} sockets", figures))
    return lines


def report(lines: list[dict[str, Any]]) -> None:
    heads = " ".join(f"{name:>8}" for name in ("min ms", "p50 ms", "p95 ms", "p99 ms", "max ms"))
    print(f"{'':14} {'shown':>6} {'lost':>5} {heads}  POST p50 ms")
    for line in lines:
        numbers = " ".join(f"{line[name]:8.1f}" for name in ("min_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms"))
        print(f"{line['name']:14} {line['shown']:6} {line['lost']:5} {numbers}  {line['answered_p50_ms']:.1f}")
    by_name = {line["name"]: line for line in lines}
    if flood := by_name.get("flood"):
        batches, seconds = flood["flood"]["batches"], flood["flood"]["seconds"]
        print(f"flood: {batches * FLOOD_EVENTS / seconds:,.0f} events/s, answers {flood['flood']['statuses']}")
        print(f"p99 under flood: {flood['p99_ms'] / by_name['idle']['p99_ms']:.1f} times the idle one")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="anbu-bench-"))
    folder.chmod(0o755)
    backend = Backend(folder, hubs=FLOOD_HUBS + options.count)
    try:
        backend.start()
        machine = describe_machine(backend)
        lines = measure(backend, folder, options.count, options.rate)
        report(lines)
    finally:
        backend.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if options.out:
        raw = {"machine": machine | {"load_after": os.getloadavg()}, "phases": lines}
        options.out.write_text(json.dumps(raw, indent=1) + "\n")
    sys.exit(any(line["lost"] for line in lines))


if __name__ == "__main__":
    main()
