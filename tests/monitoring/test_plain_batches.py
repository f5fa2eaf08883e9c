"""The short way takes nothing that the long way would judge otherwise."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.hub_batches import Answer, read_batch
from monitoring.plain_batches import read_plain

if TYPE_CHECKING:
    from monitoring.copy_rows import Reading

NOW = datetime(2026, 11, 22, 8, 30, 13, tzinfo=UTC)
EVENT = {
    "timestamp": "2026-11-22T17:30:12.250+09:00",
    "sensor_id": "침실 활동",
    "event_content": "motion",
    "sensor_value": True,
}


def body(*events: Any, ascii_only: bool = False, **fields: Any) -> bytes:
    return json.dumps({"events": events, **fields}, ensure_ascii=ascii_only).encode()


def fields_of(event: Reading) -> tuple[datetime, str, str, bool]:
    return event.timestamp, event.sensor_id, event.event_content, event.sensor_value


def assert_both_ways_agree(sent: bytes) -> bool:
    """Whether the short way took it; then the long way must take the same events, and refuse and raise nothing."""
    plain = read_plain(sent, NOW)
    if plain is None:
        return False
    batch = read_batch(sent, NOW)
    assert not isinstance(batch, Answer), sent
    assert (list(batch.rejected), list(batch.panics), batch.skew) == ([], [], None)
    assert [fields_of(event) for event in plain] == [fields_of(reading) for reading in batch.readings]
    return True


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("fields", [{}, {"sent_at": "2026-11-22T08:30:13Z"}, {"sent_at": "2026-11-22T08:29:13+00:00"}])
def test_a_usual_batch_goes_the_short_way(fields: dict[str, str], ascii_only: bool) -> None:
    events = [{**EVENT, "sensor_value": False}, {**EVENT, "event_content": ""}, EVENT]
    assert assert_both_ways_agree(body(*events, ascii_only=ascii_only, **fields))
    assert assert_both_ways_agree(body(ascii_only=ascii_only, **fields))


UNUSUAL = [
    b'{"events": [], "events": []}',
    b'{"events": [], "sent_at": "2026-11-22T08:30:13Z", "sent_at": "2026-11-22T08:30:13Z"}',
    body(EVENT).replace(b'"sensor_value": true', b'"sensor_value": true, "sensor_value": true'),
    body(EVENT).replace(b'"sensor_value": true', b'"sensor_value": true, "sensor_\\u0076alue": false'),
    body(EVENT, {**EVENT, "event_content": 'a "b"'}),
    body({**EVENT, "event_content": "a \\ b"}),
    body({**EVENT, "timestamp": "2026-11-22T08:30:12.1234567Z"}),
    body({**EVENT, "timestamp": "2026-11-22T08:30:12.99999999Z"}),
    body({**EVENT, "timestamp": "2026-11-22T08:30:12"}),
    body({**EVENT, "timestamp": "2026-11-22T08:30:12+0900"}),
    body({**EVENT, "timestamp": "2026-11-22T08:30:12.123456-0900"}),
    body({**EVENT, "timestamp": "0001-01-01T00:00:00+09:00"}),
    body({**EVENT, "timestamp": "9999-12-31T23:59:59-09:00"}),
    body({**EVENT, "timestamp": 1_763_800_212}),
    body({**EVENT, "sensor_id": ""}),
    body({**EVENT, "sensor_id": "x" * 65}),
    body({**EVENT, "sensor_id": "a\x00"}),
    body({**EVENT, "sensor_id": "\x85"}),
    body({**EVENT, "event_content": "x" * 201}),
    body({**EVENT, "event_content": "sos"}),
    body({**EVENT, "event_content": "fall 거실"}),
    body({**EVENT, "sensor_value": 1}),
    body({**EVENT, "more": 1}),
    body(EVENT, sent_at="2026-11-22T08:28:00Z"),
    body(EVENT, sent_at=None),
    body(EVENT, more=1),
    body(*[EVENT] * 1001),
    body(EVENT).replace(b"motion", b"\xff"),
    body(EVENT).replace(b"motion", b"\\ud800"),
    body(EVENT).replace(b"true", b"NaN"),
    b"\xef\xbb\xbf" + body(EVENT),
    body(EVENT) + b" {}",
    b"",
    b"[]",
    b"[" * 100_000,
]


@pytest.mark.parametrize("sent", UNUSUAL, ids=range(len(UNUSUAL)))
def test_what_is_unusual_goes_the_long_way(sent: bytes) -> None:
    assert read_plain(sent, NOW) is None


texts = st.text(max_size=8) | st.sampled_from(
    ["motion", "sos", "fallen", 'q"', "b\\", "\\u0041", "한글", "👵🏽", "\u00a0"]
)
times = st.datetimes(NOW.replace(tzinfo=None) - timedelta(days=31), NOW.replace(tzinfo=None) + timedelta(hours=1)).map(
    lambda moment: moment.isoformat() + "+00:00"
) | st.sampled_from(["2026-11-22T08:30:12Z", "2026-11-22t08:30:12.1z", "2026-11-22 08:30:12.1234567+09:00", "now", ""])
events = st.fixed_dictionaries(
    {"timestamp": times, "sensor_id": texts, "event_content": texts, "sensor_value": st.booleans()},
    optional={"more": st.booleans()},
)


@settings(deadline=None, max_examples=300)
@given(st.lists(events, max_size=4), st.none() | times, st.booleans())
def test_both_ways_agree_on_any_batch(sent: list[dict[str, Any]], sent_at: str | None, ascii_only: bool) -> None:
    fields = {} if sent_at is None else {"sent_at": sent_at}
    written = json.dumps({"events": sent, **fields}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert_both_ways_agree(written)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_both_ways_agree_on_a_batch_that_was_damaged_on_the_way(data: st.DataObject) -> None:
    whole = bytearray(body(EVENT, EVENT, sent_at="2026-11-22T08:30:13Z"))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 20))] = data.draw(
            st.binary(max_size=2) | st.sampled_from([b'"', b"\\", b',"sensor_id":"x"', b'"events":[],', b"0", b"T"])
        )
    assert_both_ways_agree(bytes(whole))
