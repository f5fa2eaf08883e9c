"""A process that dies between the emergency, the events and the answer: the resend puts all right."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest
from django.db import connections

from monitoring.models import EmergencyLog, SensorLog
from tests.monitoring.hub_posts import PATH, batch, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devices.models import IoTHub

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "timeseries"])
ROOT = Path(__file__).parents[2]
CRASHED = 86


def database_url(alias: str) -> str:
    """The test's own database, for another process."""
    told = connections[alias].settings_dict
    user, password = quote(str(told["USER"]), safe=""), quote(str(told["PASSWORD"]), safe="")
    return f"postgres://{user}:{password}@{quote(str(told['HOST']), safe='')}:{told['PORT']}/{told['NAME']}"


class Web:
    """The web process on a port of its own, which dies at `crash_at`."""

    def __init__(self, crash_at: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        environment = {
            **os.environ,
            "DATABASE_URL": database_url("default"),
            "TIMESERIES_URL": database_url("timeseries"),
            "CRASH_AT": crash_at,
            "PYTHONWARNINGS": "ignore",
        }
        command = [sys.executable, "-m", "uvicorn", "tests.monitoring.crashing_web:application"]
        self.process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(self.port), "--lifespan", "off", "--log-level", "warning"],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        self._wait_until_it_listens()

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the web process did not start"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the web process does not listen")

    def post(self, key: str, body: bytes) -> httpx.Response:
        return httpx.post(
            f"http://127.0.0.1:{self.port}{PATH}", content=body, headers={"Authorization": f"Api-Key {key}"}, timeout=20
        )

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)


@pytest.fixture
def steady() -> Iterator[Web]:
    web = Web("nowhere")
    yield web
    web.stop()


@pytest.mark.parametrize(
    ("point", "emergencies", "events"),
    [("before_emergency", 0, 0), ("after_emergency", 1, 0), ("after_events", 1, 1)],
)
def test_a_crash_at_any_point_and_the_resend_make_one_emergency_and_one_row(
    hub: IoTHub, hub_key: str, steady: Web, point: str, emergencies: int, events: int
) -> None:
    body = batch(event(event_content="sos"))
    crashing = Web(point)
    try:
        with pytest.raises(httpx.TransportError):
            crashing.post(hub_key, body)
        assert crashing.process.wait(timeout=10) == CRASHED
    finally:
        crashing.stop()
    assert (EmergencyLog.objects.count(), SensorLog.objects.count()) == (emergencies, events)

    answer = steady.post(hub_key, body).json()
    assert (answer["accepted"], answer["duplicates"]) == (1 - events, events)
    assert EmergencyLog.objects.get().repeats == 0
    assert SensorLog.objects.count() == 1
