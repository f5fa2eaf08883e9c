"""A hub that was deregistered is cut within a second, over HTTP and socket, also while Redis hastens nothing."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from devices import registration
from tests.factories import make_hub, make_senior
from tests.served import serve_web

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "timeseries"])
NO_REDIS = {"REDIS_URL": "redis://127.0.0.1:1/0"}
HEARTBEAT = {"type": "heartbeat", "id": "1", "sent_at": "2026-11-22T08:30:13Z", "battery": 80, "robot_online": True}


@pytest.fixture(scope="module", params=[{}, NO_REDIS], ids=["redis", "no redis"])
def address(request: pytest.FixtureRequest, django_db_setup: None) -> Iterator[str]:
    with serve_web(**request.param) as address:
        yield address


def post(address: str, key: str) -> int:
    proof = {"Authorization": f"Api-Key {key}"}
    return httpx.post(f"http://{address}/api/v1/hub/events", json={"events": []}, headers=proof).status_code


@pytest.mark.parametrize("_again", range(3))
def test_a_deregistered_hub_is_cut_within_a_second(address: str, _again: int) -> None:
    hub, key = make_hub(make_senior())
    with connect(
        f"ws://{address}/ws/hub/", additional_headers={"Authorization": f"Api-Key {key}"}, proxy=None
    ) as socket:
        socket.send(json.dumps(HEARTBEAT))
        assert json.loads(socket.recv(5))["type"] == "heartbeat.ack"
        assert post(address, key) == 200
        registration.deregister(hub, None)
        began = time.monotonic()
        while post(address, key) != 401:
            assert time.monotonic() - began < 1.0
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(1.0 - (time.monotonic() - began))
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    print(f"cut after {time.monotonic() - began:.2f} s")  # noqa: T201 - a figure for whoever asks with -s
