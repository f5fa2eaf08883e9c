"""The running product under bodies that no honest hub sends."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.flows.hostile_bodies import hostile_bodies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.flows.product import Product, StaffClient

pytestmark = [pytest.mark.flow, pytest.mark.long]
EVENTS = "/api/v1/hub/events"
GROWTH = 10_000_000


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.fixture(scope="module")
def hub_key(supervisor: StaffClient) -> str:
    senior = {"full_name": "김복순", "address": "춘천시", "hub": {"device_id": f"HOSTILE:{time.time_ns()}"}}
    key: str = supervisor.call("POST", "/seniors", senior).json()["hub"]["api_key"]
    return key


@pytest.fixture(scope="module")
def hub(product: Product, hub_key: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=product.url, timeout=30, headers={"Authorization": f"Api-Key {hub_key}"}) as client:
        yield client


def send_all(hub: httpx.Client) -> dict[str, int]:
    """The status that answered each hostile body, sent slowly enough for the hub's own limit."""
    statuses = {}
    for name, (body, headers) in hostile_bodies().items():
        time.sleep(0.06)
        try:
            statuses[name] = hub.post(EVENTS, content=body, headers=headers).status_code
        except (httpx.WriteError, httpx.RemoteProtocolError):
            statuses[name] = 413  # answered and hung up while we still sent
    return statuses


def test_no_hostile_body_is_a_fault_of_ours_nor_stays_in_memory(product: Product, hub: httpx.Client) -> None:
    web = product.processes()["web"]
    send_all(hub)  # once, so that what is loaded at the first use is loaded
    before = resident_bytes(web)
    statuses = send_all(hub)
    grown = resident_bytes(web) - before
    assert len(statuses) >= 60
    assert {name: status for name, status in statuses.items() if status >= 500} == {}
    assert {name: status for name, status in statuses.items() if status not in (200, 400, 409, 413)} == {}
    print(f"{len(statuses)} hostile bodies, the web process grew by {grown / 1e6:.1f} MB")
    assert grown < GROWTH
    assert product.processes()["web"] == web
    assert hub.post(EVENTS, json={"events": []}).status_code == 200


def test_200_megabytes_in_chunks_are_cut_off(product: Product, hub: httpx.Client) -> None:
    web = product.processes()["web"]
    before = resident_bytes(web)

    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b" " * 1_000_000

    try:
        assert hub.post(EVENTS, content=endless()).status_code == 413
    except (httpx.WriteError, httpx.RemoteProtocolError):
        assert hub.get("/api/v1/hub/config").status_code == 200  # hung up on, and the product goes on
    assert resident_bytes(web) - before < GROWTH


def test_many_who_send_slowly_hold_up_nobody(product: Product, hub: httpx.Client, hub_key: str) -> None:
    head = (
        f"POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Api-Key {hub_key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 3000\r\n\r\n{"
    )
    slow = [socket.create_connection(("127.0.0.1", product.port), timeout=10) for _ in range(40)]
    try:
        time.sleep(2)
        for connection in slow:
            connection.sendall(head.encode())
        time.sleep(3)
        began = time.monotonic()
        assert hub.post(EVENTS, json={"events": []}).status_code == 200
        assert time.monotonic() - began < 2
    finally:
        for connection in slow:
            connection.close()
