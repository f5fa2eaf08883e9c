"""A home whose robot has a camera: the reference hub in a process of its own, which can be killed and come back."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.flows.product import ROOT, eventually

if TYPE_CHECKING:
    from tests.flows.product import Product, StaffClient


class RobotCamera:
    def __init__(self, product: Product, supervisor: StaffClient, key: str, senior_id: int, source: str) -> None:
        self.senior_id = senior_id
        self._product, self._supervisor, self._key, self._source = product, supervisor, key, source
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts and waits until the backend sees it."""
        folder = self._product.data / "hubs"
        folder.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "examples.hub", "--url", self._product.url, "--video", self._source]
        with (folder / f"{self.senior_id}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--buffer", str(folder / f"{self.senior_id}.db")],
                cwd=ROOT,
                env={**os.environ, "HUB_KEY": self._key},
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        eventually(self._is_online, 30, "the hub with the camera is online")

    def _is_online(self) -> bool:
        hub = self._supervisor.get(f"/seniors/{self.senior_id}")["hub"]
        return bool(hub["status"] == "online")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
