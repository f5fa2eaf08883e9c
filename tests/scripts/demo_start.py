#!/usr/bin/env python3
"""Start `make demo` as a person would, wait until the portal is ready, end it by SIGTERM, and look that nothing stays.

With --incidents it waits for the demo's three as well: the silent senior found by the model, the fall sensor, the hub
that dropped off. Standard library only: it also runs on a machine that has nothing but Python and make.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
STOP_S = 10.0


class DemoFailed(Exception):
    """The demo did not do what it is for."""


class Demo:
    def __init__(self, port: int, log: Path | None) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.lines: list[str] = []
        self._log = log.open("w", encoding="utf-8") if log else None
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            ["make", "demo", f"PORT={port}"], cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()
        cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(cookies)
        )

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if self._log:
                self._log.write(line)
                self._log.flush()

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON answer, None while there is none."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})  # noqa: S310 - our own address
        try:
            with self._opener.open(request, timeout=5) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return None

    def wait(self, what: str, seconds: float, seen: Any) -> None:
        """Wait until `seen()` is true, say when; the demo's last lines tell why when it is not."""
        deadline = time.monotonic() + seconds
        while not seen():
            if self.process.poll() is not None:
                raise DemoFailed(f"`make demo` ended with {self.process.returncode} before {what}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise DemoFailed(f"no {what} after {seconds:.0f} s:\n{self.tail()}")
            time.sleep(0.5)
        self.say(what)

    def say(self, what: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self._started:7.1f} s  {what}\n")
        sys.stdout.flush()

    def tail(self) -> str:
        return "\n".join(self.lines[-60:])

    def wait_for_incidents(self, seconds: float) -> None:
        self.wait("the demo's log-ins", seconds, self.log_in)
        self.wait("the fall sensor's emergency", seconds, lambda: self.has_emergency("fall_detection"))
        self.wait("the silent senior's emergency", seconds, lambda: self.has_emergency("inactivity"))
        self.wait("the fault of the hub that dropped off", seconds, self.has_hub_fault)

    def log_in(self) -> bool:
        """Log in as the supervisor, with what the demo printed: a line that holds the address and the password."""
        for line in self.lines:
            words = line.replace(",", " ").split()
            for place, word in enumerate(words[:-1]):
                if word.startswith("supervisor@"):
                    account = {"email": word, "password": words[place + 1]}
                    return self.ask("/api/v1/auth/login", account) is not None
        return False

    def has_emergency(self, event_type: str) -> bool:
        page = self.ask("/api/v1/emergencies?page_size=100") or {"results": []}
        return any(row["event_type"] == event_type for row in page["results"])

    def has_hub_fault(self) -> bool:
        page = self.ask("/api/v1/faults?open=true&page_size=100") or {"results": []}
        return any(row["kind"] == "hub_offline" for row in page["results"])

    def stop(self) -> None:
        """End it by SIGTERM, as a supervisor of services would; everything is down within 10 s."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S + 5)
        except subprocess.TimeoutExpired:
            raise DemoFailed(f"still running {STOP_S + 5:.0f} s after SIGTERM:\n{self.tail()}") from None
        took = time.monotonic() - began
        if took > STOP_S:
            raise DemoFailed(f"it took {took:.1f} s to stop, {STOP_S:.0f} s are allowed")
        if left := find_processes(data_dir()):
            raise DemoFailed("these outlived it:\n" + "\n".join(left))
        self.say(f"stopped in {took:.1f} s")

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S + 5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)


def data_dir() -> Path:
    return Path(os.environ.get("ANBU_DATA") or REPOSITORY / "var").resolve()


def find_processes(data: Path) -> list[str]:
    """Running processes whose command line or environment names the data folder, ourselves and our parents aside."""
    ours, found, needle = ancestors(), [], str(data).encode()
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) in ours:
            continue
        try:
            command = (folder / "cmdline").read_bytes()
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if command and (needle in command or b"ANBU_DATA=" + needle in environment):
            found.append(f"{folder.name} {command.replace(bytes(1), b' ').decode(errors='replace')}")
    return found


def ancestors() -> set[int]:
    known, pid = set(), os.getpid()
    while pid > 1:
        known.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return known


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", action="store_true", help="wait for the demo's three incidents too")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for each step (default 900)")
    parser.add_argument("--log", type=Path, help="keep the demo's output here")
    options = parser.parse_args()
    demo = Demo(free_port(), options.log)
    try:
        demo.wait("/readyz says 200", options.timeout, lambda: demo.ask("/readyz") is not None)
        demo.wait("the line that says so", 30, lambda: any(demo.url in line for line in demo.lines))
        if options.incidents:
            demo.wait_for_incidents(options.timeout)
        demo.stop()
    except DemoFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    finally:
        demo.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
