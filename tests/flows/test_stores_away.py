"""A store that is away costs what needs it, and nothing else; it comes back, and so does all the rest, by itself."""

from __future__ import annotations

import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from portal.embedded.stack import EmbeddedStack
from portal.operation.runtime_variables import compose_variables
from tests.flows.conftest import PASSWORD
from tests.flows.product import HubClient, Product, StaffClient, eventually, receive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.client import ClientConnection

pytestmark = pytest.mark.flow


class Outside:
    """A product whose stores are servers of somebody else's, which can be stopped under it."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="anbu-stores-"))
        folder.chmod(0o755)
        self.stack = EmbeddedStack(folder)
        self.stack.start()
        self.product = Product()

    def start(self) -> None:
        variables = compose_variables(self.stack, {}, web_url=self.product.url)
        self.product.environment |= {**variables.provision, **variables.backend}
        self.product.start("--seed", "none")
        email = "stores@anbu.example"
        self.product.manage(
            "create_staff", email, "--full-name", "박지현", "--role", "supervisor", "--password-stdin", stdin=PASSWORD
        )
        self.staff = StaffClient(self.product)
        self.staff.login(email, PASSWORD)
        body = {"full_name": "유점순", "address": "홍천읍 2", "hub": {"device_id": "STORES:1"}}
        self.home: dict[str, Any] = self.staff.call("POST", "/seniors", body).json()
        self.hub = HubClient(self.product, self.home["hub"]["api_key"])

    def close(self) -> None:
        self.product.remove()
        self.stack.stop()

    def hub_socket(self) -> ClientConnection:
        return connect(
            self.product.url.replace("http", "ws") + "/ws/hub/",
            subprotocols=["hub.v1"],  # type: ignore[list-item]  # a NewType of str
            additional_headers={"Authorization": f"Api-Key {self.home['hub']['api_key']}"},
        )

    def press(self) -> httpx.Response:
        event = {"sensor_id": "button", "event_content": "sos", "sensor_value": True}
        return self.hub.send([event | {"timestamp": datetime.now(UTC).isoformat()}])

    def readiness(self) -> httpx.Response:
        return httpx.get(f"{self.product.url}/readyz", timeout=15)


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    running = Outside()
    try:
        running.start()
        yield running
    finally:
        running.close()


def beat(socket: ClientConnection) -> None:
    sent_at = datetime.now(UTC).isoformat()
    socket.send(json.dumps({"type": "heartbeat", "id": "1", "sent_at": sent_at, "battery": 80, "robot_online": True}))
    receive(socket, "heartbeat.ack", 5)


def test_without_redis_sockets_stay_and_alerts_and_checks_flow_from_their_rows(outside: Outside) -> None:
    assert outside.stack.valkey is not None
    server = outside.stack.valkey.process
    assert server is not None
    with outside.staff.socket() as staff, outside.hub_socket() as hub:
        assert json.loads(staff.recv(timeout=5))["type"] == "hello"
        beat(hub)
        server.stop()
        try:
            pressed_at = time.monotonic()
            assert outside.press().status_code == 200
            raised = receive(staff, "emergency.raised", 5)
            took = time.monotonic() - pressed_at
            log_id = raised["emergency"]["log_id"]
            assert outside.staff.call("POST", f"/emergencies/{log_id}/acknowledge", {}).status_code == 200
            asked = outside.staff.call("POST", f"/seniors/{outside.home['senior_id']}/safety-checks", {})
            assert asked.status_code == 202
            request = receive(hub, "safety_check.request", 3)
            hub.send(json.dumps({"type": "safety_check.received", "id": "2", "check_id": request["check_id"]}))
            answer = {"type": "safety_check.answer", "id": "3", "check_id": request["check_id"], "answer": "ok"}
            hub.send(json.dumps(answer))
            receive(staff, "safety_check.changed", 3, status="ok")
            ready = outside.readiness()
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
            print(f"\nwithout Redis: sos on the socket after {took:.2f} s; {ready.json()['checks']}")
        finally:
            server.start()
        assert outside.staff.call("POST", f"/emergencies/{log_id}/resolve", {"outcome": "test"}).status_code == 200
        receive(staff, "emergency.changed", 5)
    eventually(lambda: outside.readiness().json()["status"] == "ok", 20, "Redis is back on /readyz")


def test_without_postgresql_what_needs_it_is_503_and_sockets_close_1012_and_come_back(outside: Outside) -> None:
    assert outside.stack.postgres is not None
    server = outside.stack.postgres.process
    assert server is not None
    with outside.staff.socket() as staff, outside.hub_socket() as hub:
        assert json.loads(staff.recv(timeout=5))["type"] == "hello"
        beat(hub)
        server.stop()
        try:
            refused = outside.press()
            assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
            assert int(refused.headers["Retry-After"]) > 0
            page = outside.staff.http.get("/api/v1/seniors")
            assert page.status_code == 503
            assert "Retry-After" in page.headers
            assert httpx.get(f"{outside.product.url}/healthz", timeout=5).status_code == 200
            assert outside.readiness().status_code == 503
            for socket in (staff, hub):
                assert close_code(socket) == 1012
        finally:
            server.start()
    down = time.monotonic()
    eventually(lambda: outside.press().status_code == 200, 30, "the press is taken again")
    print(f"\nPostgreSQL back: a press is taken after {time.monotonic() - down:.1f} s")
    with outside.staff.socket() as again:
        hello = json.loads(again.recv(timeout=5))
        assert any(row["event_type"] == "sos" for row in hello["emergencies"])
        log_id = next(row["log_id"] for row in hello["emergencies"] if row["event_type"] == "sos")
        assert outside.staff.call("POST", f"/emergencies/{log_id}/resolve", {"outcome": "test"}).status_code == 200
    assert set(outside.product.processes()) >= {"web", "listener", "watchdog", "beat", "relay"}


def close_code(socket: ClientConnection) -> int | None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            socket.recv(timeout=1)
        except TimeoutError:
            continue
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd else None
    raise AssertionError("the socket is still open")


def test_without_the_object_store_all_goes_on_and_readiness_names_it(outside: Outside) -> None:
    assert outside.stack.object_store is not None
    server = outside.stack.object_store.process
    assert server is not None
    server.stop()
    try:
        ready = eventually(
            lambda: answer if (answer := outside.readiness()).json()["status"] == "degraded" else None, 15, "degraded"
        )
        assert ready.status_code == 200
        assert ready.json()["checks"]["object_storage"] != "ok"
        assert outside.press().status_code == 200
    finally:
        server.start()
    eventually(lambda: outside.readiness().json()["status"] == "ok", 20, "the object store is back on /readyz")
