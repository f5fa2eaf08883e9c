"""Whatever a hub says, its socket answers, stays open or closes with a code of the protocol, and takes the next hub."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from devices.hub_protocol import HUB_MESSAGES
from tests.devices.test_hub_socket_served import beat, dial
from tests.served import serve_web

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.client import ClientConnection

pytestmark = pytest.mark.django_db(transaction=True)
FRAMES = 40  # fewer than a socket may send at once
CODES = {4400, 4429}

texts = st.text(max_size=30) | st.sampled_from(["1", "", "ok", "help", "no_answer", "\x00", "\ud800", "안부"])
times = st.sampled_from(
    ["2026-11-22T08:30:13+09:00", "2026-11-22T08:30:13", "0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59-09:00", ""]
)
numbers = st.integers() | st.integers(-(10**400), 10**400) | st.floats() | st.sampled_from([0, -1, 2**31, 2**63, 101])
scalars = st.none() | st.booleans() | numbers | texts | times
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
candidates = st.fixed_dictionaries({"candidate": scalars, "sdpMid": scalars, "sdpMLineIndex": scalars})
fields = {
    "id": texts | scalars,
    "type": st.sampled_from([*HUB_MESSAGES, "heartbeat.ack", "stream.start", "nonsense"]) | scalars,
    "sent_at": times | scalars,
    "battery": st.integers(-5, 105) | scalars,
    "robot_online": st.booleans() | scalars,
    "check_id": st.integers(-1, 10) | scalars,
    "answer": texts | scalars,
    "stream_id": texts | scalars,
    "sdp": texts | scalars,
    "candidate": candidates | scalars,
    "code": texts | scalars,
    "detail": texts | scalars,
    "about": texts | scalars,
}
good_type = {"type": st.sampled_from(list(HUB_MESSAGES)), "id": st.just("1")}
messages = st.fixed_dictionaries(good_type, optional={k: v for k, v in fields.items() if k not in good_type})
objects = messages | st.fixed_dictionaries({}, optional=fields) | st.dictionaries(texts, values, max_size=4)
frames: st.SearchStrategy[str | bytes] = st.one_of(
    objects.map(lambda value: json.dumps(value)),  # not only the types that JSON has: NaN too, and lone surrogates
    values.map(json.dumps),
    st.text(max_size=200).filter(lambda text: text.isprintable()),
    st.sampled_from(['{"type":"heartbeat","type":"error","id":"1"}', "[" * 5_000, '{"a":' * 5_000, "x" * 70_000, ""]),
    st.binary(max_size=50),
)


@pytest.fixture(scope="module")
def address(django_db_setup: None) -> Iterator[str]:
    with serve_web() as address:
        yield address


MARK = json.dumps({"type": "nonsense", "id": "the last one"})  # not malformed, so it closes nothing by itself


def say_all(hub: ClientConnection, said: list[str | bytes]) -> int | None:
    """Listens until the last message is answered; the code with which the socket closed before that, if it did."""
    try:
        for frame in [*said, MARK]:
            hub.send(frame)
        deadline = time.monotonic() + 30
        while True:
            try:
                answer: dict[str, Any] = json.loads(hub.recv(0.2))
            except TimeoutError:
                if hub.protocol.close_rcvd:  # said; the line itself ends later, when what was unread is thrown away
                    return hub.protocol.close_rcvd.code
                assert time.monotonic() < deadline, "neither an answer nor a close"
                continue
            assert answer["type"] in {"error", "heartbeat.ack"}, answer
            if answer.get("about") == "the last one":
                return None
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


def drive(address: str, hub_key: str, said: list[str | bytes]) -> None:
    with dial(address, hub_key) as hub:
        hub.close_timeout = 0.5  # answers that nobody reads any more stand in the way of a close
        code = say_all(hub, said)
        if code is None:
            beat(hub)
        else:
            assert code in CODES, (code, said)
    with dial(address, hub_key) as hub:
        beat(hub)


def fuzz(address: str, hub_key: str, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(st.lists(frames, min_size=FRAMES, max_size=FRAMES))
    def run(said: list[str | bytes]) -> None:
        drive(address, hub_key, said)

    run()


def test_four_hundred_messages_of_any_kind_crash_nothing(address: str, hub_key: str) -> None:
    fuzz(address, hub_key, 400 // FRAMES)


@pytest.mark.long
def test_ten_thousand_messages_of_any_kind_crash_nothing(address: str, hub_key: str) -> None:
    fuzz(address, hub_key, 10_000 // FRAMES)
