"""A deregistered hub is out within a second, over HTTP and on its socket, also while Redis is away."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.chaos.backend import Backend, register_hubs
from tests.flows.product import receive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.client import ClientConnection

pytestmark = [pytest.mark.flow, pytest.mark.long]
HUBS = 10
OUT_WITHIN_S = 1.0


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    running = Backend("web")
    try:
        yield running
    finally:
        running.remove()


def test_a_deregistered_hub_is_out_within_a_second(backend: Backend) -> None:
    assert_all_are_cut(backend, "with Redis")


def test_a_deregistered_hub_is_out_within_a_second_without_redis(backend: Backend) -> None:
    assert backend.stack.valkey is not None
    assert backend.stack.valkey.process is not None
    backend.stack.valkey.process.stop()
    try:
        assert_all_are_cut(backend, "without Redis")
    finally:
        backend.stack.valkey.process.start()


def assert_all_are_cut(backend: Backend, when: str) -> None:
    took = [deregister(backend, hub) for hub in register_hubs(backend.staff, HUBS)]
    sockets, requests = zip(*took, strict=True)
    print(f"\n{HUBS} deregistered {when}: socket closed after {max(sockets):.2f} s, HTTP after {max(requests):.2f} s")
    assert max(sockets) <= OUT_WITHIN_S
    assert max(requests) <= OUT_WITHIN_S


def deregister(backend: Backend, hub: dict[str, Any]) -> tuple[float, float]:
    """Seconds from the answer until the socket is closed 4401, and until a POST with the key is 401."""
    headers = {"Authorization": f"Api-Key {hub['api_key']}"}
    url = backend.url.replace("http", "ws") + "/ws/hub/"
    with (
        httpx.Client(base_url=backend.url, headers=headers, timeout=15) as http,
        connect(url, additional_headers=headers) as socket,
        ThreadPoolExecutor(1) as beside,
    ):
        sent_at = datetime.now(UTC).isoformat()
        beat = {"type": "heartbeat", "id": "1", "sent_at": sent_at, "battery": 80, "robot_online": True}
        socket.send(json.dumps(beat))
        receive(socket, "heartbeat.ack", 5)
        assert http.post("/api/v1/hub/events", json={"events": []}).status_code == 200
        assert backend.staff.call("DELETE", f"/hubs/{hub['hub_id']}").status_code == 204
        gone_at = time.monotonic()
        closing = beside.submit(wait_closed, socket)
        while http.post("/api/v1/hub/events", json={"events": []}).status_code != 401:
            assert time.monotonic() < gone_at + 15, "the key still works"
            time.sleep(0.06)
        refused = time.monotonic() - gone_at
        return closing.result() - gone_at, refused


def wait_closed(socket: ClientConnection) -> float:
    try:
        while True:
            socket.recv(timeout=15)
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        assert closed.rcvd.code == 4401
        return time.monotonic()
