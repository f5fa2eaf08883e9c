"""`manage.py up` brings the whole product up, keeps it up, refuses a rival, and goes down in order."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portal import runtime
from portal.embedded import leftovers
from portal.embedded.ports import choose_free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.flow

SURROUNDINGS = ("PATH", "HOME", "LANG", "TMPDIR", "ANBU_SERVER_USER")
START_SECONDS = 240  # a busy machine of two cores; a quiet one needs 20
STEADY = {"listener", "relay", "watchdog", "worker-scoring", "worker-training", "worker-portal", "beat"}


class Product:
    """A running `manage.py up --json` on servers of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        (self.port,) = choose_free_ports(1)
        self.log = folder.parent / f"{folder.name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "manage.py",
                    "up",
                    "--json",
                    "--port",
                    str(self.port),
                    "--data",
                    str(folder),
                    *arguments,
                ],
                cwd=runtime.REPOSITORY,
                env=plain_environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]

    def wait_until_ready(self) -> None:
        wait_for(lambda: any(event["event"] == "ready" for event in self.events()) or self.has_ended(), START_SECONDS)
        assert not self.has_ended(), self.log.read_text(encoding="utf-8")

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def readiness(self) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            return response.status, json.loads(response.read())["status"]
        except (OSError, http.client.HTTPException, ValueError):
            return 0, "no answer"
        finally:
            connection.close()

    def pids(self) -> dict[str, int]:
        records = json.loads((self.folder / "run" / "processes.json").read_text(encoding="utf-8"))
        return {record["name"]: record["pid"] for record in records}

    def stop(self) -> float:
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return time.monotonic() - began


def plain_environment() -> dict[str, str]:
    """Nothing of the test's own servers."""
    return {name: os.environ[name] for name in SURROUNDINGS if name in os.environ}


def wait_for(is_true: Callable[[], bool], seconds: float) -> float:
    began = time.monotonic()
    while not is_true():
        assert time.monotonic() - began < seconds
        time.sleep(0.05)
    return time.monotonic() - began


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="anbu-up-"))
    path.chmod(0o755)
    yield path / "var"
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def product(folder: Path) -> Iterator[Product]:
    running = Product(folder)
    try:
        running.wait_until_ready()
        yield running
    finally:
        if not running.has_ended():
            running.stop()


def test_it_is_ready_with_every_store_and_all_eight_processes(product: Product) -> None:
    assert product.readiness() == (200, "ok")
    assert set(product.pids()) == {"postgres", "valkey", "object-store", "web"} | STEADY


def test_the_ai_workers_know_no_secret_of_the_backend(product: Product) -> None:
    secrets = json.loads((product.folder / "run" / "secrets.json").read_text(encoding="utf-8"))
    forbidden = {
        secrets[name]
        for name in secrets
        if name not in ("AI_SECRET_KEY", "ANBU_AI_DB_PASSWORD", "ANBU_AI_REDIS_PASSWORD", "ANBU_SERVICE_KEY")
        and not name.startswith("S3_")
    }
    for name in ("worker-scoring", "worker-training"):
        environment = Path(f"/proc/{product.pids()[name]}/environ").read_text(encoding="utf-8")
        assert "ANBU_SERVICE_KEY=" in environment
        assert [secret for secret in forbidden if secret in environment] == []


def test_the_doctor_finds_nothing_broken(product: Product) -> None:
    answer = run_command("doctor", "--json", data=product.folder)
    assert answer.returncode == 0, answer.stdout
    assert json.loads(answer.stdout)["ok"] is True


def test_provisioning_again_changes_nothing(product: Product) -> None:
    before = runtime.read_private(product.folder / "run" / "ai.json")
    answer = run_command("provision", "--json", data=product.folder)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert runtime.read_private(product.folder / "run" / "ai.json") == before


def test_a_second_one_on_the_same_folder_is_refused_by_the_firsts_process_id(product: Product) -> None:
    (port,) = choose_free_ports(1)
    answer = run_command("up", "--json", "--port", str(port), "--data", str(product.folder), data=product.folder)
    assert answer.returncode == 1
    assert f"process {product.process.pid} runs its servers" in json.loads(answer.stdout)["message"]


def test_a_taken_port_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        answer = run_command("up", "--json", "--port", str(port), "--data", str(tmp_path / "new"), data=tmp_path)
    assert answer.returncode == 1
    assert f"127.0.0.1:{port} cannot be listened on" in json.loads(answer.stdout)["message"]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["object-store", "valkey", "postgres", "web", *sorted(STEADY)])
def test_a_killed_process_is_started_again_within_five_seconds(product: Product, name: str) -> None:
    killed = product.pids()[name]
    os.kill(killed, signal.SIGKILL)
    assert wait_for(lambda: product.pids().get(name, killed) != killed, 30) < 5
    wait_for(lambda: product.readiness() == (200, "ok"), 60)


def test_all_is_down_within_ten_seconds_and_a_new_start_ends_what_a_killed_one_left(
    product: Product, folder: Path
) -> None:
    pids = product.pids()
    assert product.stop() < 10
    assert [name for name, pid in pids.items() if leftovers.start_time(pid)] == []
    assert "database system is shut down" in (folder / "log" / "postgres.log").read_text(encoding="utf-8")
    assert runtime.read_private(folder / "run" / "backend.json") == {}
    killed = Product(folder)
    killed.wait_until_ready()
    orphans = killed.pids()
    killed.process.kill()
    killed.process.wait()
    again = Product(folder)
    try:
        again.wait_until_ready()
        assert [name for name, pid in orphans.items() if leftovers.start_time(pid)] == []
    finally:
        assert again.stop() < 10


def run_command(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=runtime.REPOSITORY,
        env={**plain_environment(), "ANBU_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
