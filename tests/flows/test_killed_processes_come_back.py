"""SIGKILL to each process in turn while a home reports: back in seconds, the path whole, nothing lost."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from tests.flows.product import HubClient, eventually, receive
from tests.flows.traffic import Traffic

if TYPE_CHECKING:
    from tests.flows.product import Product, StaffClient

pytestmark = pytest.mark.flow
BACK_WITHIN_S = 5
WHOLE_WITHIN_S = 30
NAMES = [
    "web", "relay", "listener", "watchdog", "worker-scoring", "worker-training", "worker-portal", "beat",
    "valkey", "object-store", "postgres",
]  # fmt: skip


@pytest.fixture(scope="module")
def home(product: Product, supervisor: StaffClient) -> dict[str, Any]:
    body = {"full_name": "송분례", "address": "인제읍 9", "hub": {"device_id": f"KILL:{time.time_ns()}"}}
    created: dict[str, Any] = supervisor.call("POST", "/seniors", body).json()
    return created


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_process_is_back_and_the_path_is_whole(
    product: Product, supervisor: StaffClient, home: dict[str, Any], name: str
) -> None:
    hub = HubClient(product, home["hub"]["api_key"])
    with Traffic(HubClient(product, home["hub"]["api_key"])) as traffic:
        time.sleep(1)
        old = product.processes()[name]
        os.kill(old, signal.SIGKILL)
        killed_at = time.monotonic()
        eventually(lambda: product.processes().get(name, old) != old, BACK_WITHIN_S, f"{name} was started again")
        back = time.monotonic() - killed_at
        eventually(lambda: path_is_whole(product, supervisor, hub), WHOLE_WITHIN_S, f"the path is whole after {name}")
        whole = time.monotonic() - killed_at
    print(f"\n{name}: started again after {back:.1f} s, path whole after {whole:.1f} s, answers {traffic.statuses}")
    assert set(traffic.statuses) <= {200, 503}
    assert stored(product, home["hub"]["hub_id"], traffic.accepted) == len(traffic.accepted)


def path_is_whole(product: Product, supervisor: StaffClient, hub: HubClient) -> bool:
    """An sos reaches an open staff socket and can be resolved."""
    try:
        with supervisor.socket() as socket:
            if json.loads(socket.recv(timeout=5))["type"] != "hello":
                return False
            press = {"sensor_id": "button", "event_content": "sos", "sensor_value": True}
            if hub.send([press | {"timestamp": datetime.now(UTC).isoformat()}]).status_code != 200:
                return False
            log_id = receive(socket, "emergency.raised", 5)["emergency"]["log_id"]
            ended = supervisor.call("POST", f"/emergencies/{log_id}/resolve", {"outcome": "test"})
            return ended.status_code == 200
    except (httpx.TransportError, OSError, ConnectionClosed, TimeoutError, AssertionError):
        return False


def stored(product: Product, hub_id: int, timestamps: set[str]) -> int:
    url = json.loads((product.data / "run" / "backend.json").read_text())["TIMESERIES_URL"]
    moments = [datetime.fromisoformat(timestamp) for timestamp in timestamps]
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM sensor_logs WHERE hub_id = %s AND timestamp = ANY(%s)", [hub_id, moments]
        ).fetchone()
    assert row is not None
    return int(row[0])
