"""The hub's socket through the web server that the product runs, which has limits and manners of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from devices import registration, safety_checks
from devices.api_keys import new_key
from tests.served import serve_web

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devices.models import IoTHub
    from seniors.models import Senior

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def address(django_db_setup: None) -> Iterator[str]:
    with serve_web() as address:
        yield address


def dial(address: str, key: str, origin: str | None = None) -> ClientConnection:
    headers = {"Authorization": f"Api-Key {key}"} | ({"Origin": origin} if origin else {})
    return connect(
        f"ws://{address}/ws/hub/", additional_headers=headers, subprotocols=[Subprotocol("hub.v1")], proxy=None
    )


def say(hub: ClientConnection, kind: str, **fields: Any) -> None:
    hub.send(json.dumps({"type": kind, "id": "1", **fields}))


def hear(hub: ClientConnection, within_s: float = 5.0) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(hub.recv(within_s))
    return message


def beat(hub: ClientConnection) -> None:
    say(hub, "heartbeat", sent_at="2026-11-22T08:30:13+09:00", battery=None, robot_online=True)
    assert hear(hub)["type"] == "heartbeat.ack"


def close_code(hub: ClientConnection, within_s: float = 5.0) -> int | None:
    with pytest.raises(ConnectionClosed) as closed:
        hub.recv(within_s)
    return closed.value.rcvd.code if closed.value.rcvd else None


def test_a_hub_talks_in_its_own_subprotocol(address: str, hub_key: str) -> None:
    with dial(address, hub_key) as hub:
        assert hub.subprotocol == "hub.v1"
        beat(hub)


def test_a_wrong_key_is_accepted_and_closed_4401_at_once(address: str) -> None:
    with dial(address, new_key("hub").key) as hub:
        assert close_code(hub) == 4401


def test_a_foreign_page_gets_http_403(address: str, hub_key: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        dial(address, hub_key, "https://evil.example")
    assert refused.value.response.status_code == 403


def test_an_oversized_message_reaches_us_and_is_answered(address: str, hub_key: str) -> None:
    with dial(address, hub_key) as hub:
        hub.send("x" * 70_000)
        assert hear(hub)["code"] == "too_large"
        hub.send(b"binary")
        assert hear(hub)["code"] == "malformed"
        beat(hub)


def test_a_newer_socket_ends_the_older_with_4409(address: str, hub_key: str) -> None:
    with dial(address, hub_key) as old:
        beat(old)
        with dial(address, hub_key) as new:
            assert close_code(old) == 4409
            beat(new)


def test_deregistration_ends_the_socket_within_a_second(address: str, hub: IoTHub, hub_key: str) -> None:
    with dial(address, hub_key) as end:
        beat(end)
        registration.deregister(hub, None)
        assert close_code(end, within_s=1.0) == 4401


def test_a_check_asked_for_in_another_process_arrives_within_a_second(
    address: str, senior: Senior, hub_key: str
) -> None:
    with dial(address, hub_key) as hub:
        beat(hub)
        check = safety_checks.request(senior, None)
        request = hear(hub, within_s=1.0)
        assert (request["type"], request["check_id"]) == ("safety_check.request", check.check_id)
        say(hub, "safety_check.answer", check_id=check.check_id, answer="ok")
        beat(hub)
    check.refresh_from_db()
    assert check.status == "ok"
