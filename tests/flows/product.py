"""The whole product in processes of its own, as `manage.py up` starts it, and clients that know the contract alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 300
T = TypeVar("T")
# what belongs to the tests' own servers must not reach a product that is to start its own
OURS = re.compile(r"(ANBU_|DATABASE_|TIMESERIES_|REDIS_|S3_|SECRET_KEY|METRICS_TOKEN|DJANGO_|PYTEST_|PYTHONWARNINGS)")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(look: Callable[[], T | None], within_s: float, what: str) -> T:
    """What `look` returns as soon as it is neither None nor False; fails after `within_s`."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = look()
        if found is not None and found is not False:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {within_s} s: {what}")


class Product:
    """`manage.py up` on a folder and port of its own."""

    def __init__(self, data: Path | None = None) -> None:
        self.data = data or Path(tempfile.mkdtemp(prefix="anbu-flow-"))
        self.data.chmod(0o755)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {key: value for key, value in os.environ.items() if not OURS.match(key)}
        self.environment["ANBU_DATA"] = str(self.data)
        self.log_path = self.data / "up.log"
        self.clients: list[httpx.Client] = []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> float:
        """Starts and waits until it is ready; how long that took."""
        began = time.monotonic()
        command = [sys.executable, "manage.py", "up", "--port", str(self.port), "--data", str(self.data), *arguments]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        eventually(self._is_ready, READY_WITHIN_S, f"/readyz is 200; the log ends: {self.log_tail()}")
        return time.monotonic() - began

    def stop(self) -> float:
        """SIGTERM; how long it took until all was down."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)
        return time.monotonic() - began

    def remove(self) -> None:
        for client in self.clients:
            client.close()
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.data, ignore_errors=True)

    def manage(self, *arguments: str, stdin: str = "") -> dict[str, Any]:
        """A management command with --json, against the running product."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments, "--json"],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout} {done.stderr}"
        answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return answer

    def processes(self) -> dict[str, int]:
        """Name to process id of every child of `up`, as it writes them down."""
        rows = json.loads((self.data / "run" / "processes.json").read_text())
        return {row["name"]: row["pid"] for row in rows}

    def log_tail(self, lines: int = 30) -> str:
        return (
            "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:]) if self.log_path.exists() else ""
        )

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"`up` ended by itself:\n{self.log_tail()}"
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False


class StaffClient:
    """A person at a browser: session cookie, CSRF token, staff socket."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.http = httpx.Client(base_url=product.url, timeout=15)
        product.clients.append(self.http)

    def login(self, email: str, password: str) -> dict[str, Any]:
        answer = self.http.post("/api/v1/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        person: dict[str, Any] = answer.json()
        return person

    def get(self, path: str, **query: str) -> Any:
        answer = self.http.get(f"/api/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        token = self.http.cookies.get("csrftoken") or ""
        return self.http.request(method, f"/api/v1{path}", json=body, headers={"X-CSRFToken": token})

    def socket(self) -> ClientConnection:
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        return connect(
            self.product.url.replace("http", "ws") + "/ws/staff/",
            origin=Origin(self.product.url),
            additional_headers={"Cookie": cookies},
        )


class HubClient:
    """A hub that speaks HTTP alone."""

    def __init__(self, product: Product, key: str) -> None:
        self.http = httpx.Client(base_url=product.url, timeout=15, headers={"Authorization": f"Api-Key {key}"})
        product.clients.append(self.http)

    def send(self, events: list[dict[str, Any]]) -> httpx.Response:
        return self.http.post("/api/v1/hub/events", json={"events": events})


def receive(socket: ClientConnection, wanted: str, within_s: float, **fields: Any) -> dict[str, Any]:
    """The next message of type `wanted` that has `fields`; others are passed over."""
    deadline = time.monotonic() + within_s
    while (left := deadline - time.monotonic()) > 0:
        try:
            message: dict[str, Any] = json.loads(socket.recv(timeout=left))
        except TimeoutError:
            break
        if message["type"] == wanted and all(message.get(key) == value for key, value in fields.items()):
            return message
    raise AssertionError(f"no {wanted} within {within_s} s")
