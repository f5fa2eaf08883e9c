"""A staff socket that never reads costs the web process little and delays nobody else."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from websockets.sync.client import ClientConnection, connect

from monitoring.emergency_json import as_json
from monitoring.models import Outbox
from monitoring.outbox import announce
from tests.monitoring.emergencies import raised
from tests.monitoring.staff_sockets import log_in
from tests.served import serve_web

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "timeseries"])
MESSAGES = 3000
LONGEST = "가" * 500  # as long as a description can be: 1,500 bytes
MOST_BYTES = 20_000_000
HEARD_WITHIN_S = 30.0


@pytest.fixture(scope="module")
def address(django_db_setup: None) -> Iterator[str]:
    with serve_web() as address:
        yield address


def resident_bytes(port: str) -> int:
    """Of the web process on that port."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and f"--port\0{port}\0".encode() in (entry / "cmdline").read_bytes():
            return int((entry / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    raise AssertionError("the web process is gone")


def sit_deaf(address: str, cookie: str) -> socket.socket:
    """A handshake, and nothing read after its answer."""
    host, port = address.split(":")
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect((host, int(port)))
    deaf.sendall(
        f"GET /ws/staff/ HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nCookie: {cookie}\r\n\r\n".encode()
    )
    assert b"101" in deaf.recv(64)
    return deaf


def hear(page: ClientConnection, seq: int) -> float:
    """Seconds until the page has heard the announcement of that number."""
    began = time.monotonic()
    while time.monotonic() - began < HEARD_WITHIN_S:
        if json.loads(page.recv(HEARD_WITHIN_S)).get("seq") == seq:
            return time.monotonic() - began
    raise AssertionError("not heard in time")


def test_a_socket_that_never_reads_costs_little_and_delays_nobody(address: str, senior: Senior, kim: Staff) -> None:
    cookie = f"{settings.SESSION_COOKIE_NAME}={log_in(kim)}"
    log = raised(senior)
    about = {"log": log, "senior_id": senior.pk, "kind": "changed"}
    emergency = as_json(log) | {"description": LONGEST}
    url = f"ws://{address}/ws/staff/"
    with connect(url, additional_headers={"Cookie": cookie}, proxy=None, max_size=None) as page:
        assert json.loads(page.recv(10))["type"] == "hello"

        def flood(first: int) -> int:
            """What the web process holds after so many messages, all of which the page has read."""
            for _ in range(MESSAGES // 500):
                Outbox.objects.bulk_create([Outbox(**about, emergency=emergency) for _ in range(500)])
            hear(page, first + MESSAGES - 1)
            return resident_bytes(address.rpartition(":")[2])

        before = flood(2)  # what a page that reads costs
        deaf = sit_deaf(address, cookie)
        grown = flood(2 + MESSAGES) - before
        announce(log, "changed")
        took = hear(page, 2 + 2 * MESSAGES)
    deaf.close()
    print(f"{MESSAGES} unread: {grown / 1e6:.1f} MB more; another page hears in {took:.2f} s")  # noqa: T201 - for -s
    assert grown < MOST_BYTES
    assert took < 3.0
