"""Reference hubs, each in a process of its own, on a running backend."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos.backend import Backend, register_hubs
from tests.flows.product import ROOT, eventually

if TYPE_CHECKING:
    from datetime import datetime


class HubProcess:
    """`examples/hub.py` as a hub maker starts it, with nothing to report but that it lives."""

    def __init__(self, backend: Backend, row: dict[str, Any], folder: Path) -> None:
        self.hub_id: int = row["hub_id"]
        command = [
            sys.executable,
            "examples/hub.py",
            "--url",
            backend.url,
            "--buffer",
            str(folder / f"{self.hub_id}.db"),
        ]
        environment = backend.environment | {"HUB_KEY": row["api_key"]}
        with (folder / f"{self.hub_id}.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log
            )

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)

    def close(self) -> None:
        if self._process.poll() is None:
            self.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()


class LivingHubs:
    """`count` new homes whose hubs live and are online, for the length of a `with`."""

    def __init__(self, backend: Backend, count: int) -> None:
        self._backend, self._count = backend, count
        self._closing = ExitStack()
        self.hubs: dict[int, HubProcess] = {}

    def __enter__(self) -> LivingHubs:
        folder = Path(tempfile.mkdtemp(prefix="hubs-", dir=self._backend.data))
        with ExitStack() as closing:
            for row in register_hubs(self._backend.staff, self._count):
                hub = HubProcess(self._backend, row, folder)
                closing.callback(hub.close)
                self.hubs[hub.hub_id] = hub
            self._closing = closing.pop_all()
        self.wait_heard()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def wait_heard(self, within_s: float = 150) -> float:
        """Until every hub is online with a sign of life after now; how long that took."""
        began, ((now,),) = time.monotonic(), self._backend.query("SELECT now()", store="DATABASE_URL")
        eventually(lambda: self._is_heard_since(now), within_s, "every hub is heard again")
        return time.monotonic() - began

    def settle(self) -> None:
        """A watchdog that has just started gives every hub time to come back: waits until that is over.

        One hub is killed for it; it is not among `hubs` any more.
        """
        hub_id, victim = self.hubs.popitem()
        victim.kill()
        statement = "SELECT status FROM iot_hubs WHERE hub_id = %s"
        eventually(
            lambda: self._backend.query(statement, hub_id, store="DATABASE_URL") == [("offline",)], 180, "it is offline"
        )
        self.wait_heard()

    def false_faults(self) -> int:
        """How often one of them was called offline, whether or not that was taken back."""
        statement = "SELECT count(*) FROM faults WHERE kind = 'hub_offline' AND hub_id = ANY(%s)"
        ((count,),) = self._backend.query(statement, list(self.hubs), store="DATABASE_URL")
        return int(count)

    def _is_heard_since(self, moment: datetime) -> bool:
        statement = "SELECT count(*) FROM iot_hubs WHERE status = 'online' AND last_seen_at > %s AND hub_id = ANY(%s)"
        ((heard,),) = self._backend.query(statement, moment, list(self.hubs), store="DATABASE_URL")
        return bool(heard == len(self.hubs))
