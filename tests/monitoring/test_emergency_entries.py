from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from monitoring.emergency_bus import MalformedEntry, parse_entry

ENTRY = {
    "message_id": "0190-1",
    "senior_id": 3,
    "event_type": "inactivity",
    "episode": "3:inactivity:2026-11-22T05:00:00+00:00:1",
    "severity": "high",
    "description": "3시간째 움직임이 없습니다.",
    "occurred_at": "2026-11-22T14:00:00+09:00",
    "detected_at": "2026-11-22T17:00:00+09:00",
    "weight_id": 12,
}


def text(**fields: Any) -> bytes:
    return json.dumps({**ENTRY, **fields}).encode()


def test_an_entry_is_read_as_the_contract_writes_it() -> None:
    found = parse_entry(text())
    assert (found.senior_id, found.event_type, found.severity, found.weight_id) == (3, "inactivity", "high", 12)
    assert (found.episode, found.stage) == (ENTRY["episode"], 1)
    assert found.occurred_at == datetime(2026, 11, 22, 5, tzinfo=UTC)
    assert found.detected_at == datetime(2026, 11, 22, 8, tzinfo=UTC)


def test_weights_may_be_none() -> None:
    assert parse_entry(text(weight_id=None)).weight_id is None


@pytest.mark.parametrize(
    "fields",
    [
        {"senior_id": "3"},
        {"senior_id": True},
        {"senior_id": 4},
        {"senior_id": 10**12, "episode": f"{10**12}:inactivity:x:1"},
        {"weight_id": 2**31},
        {"weight_id": "12"},
        {"event_type": "boredom"},
        {"event_type": ["inactivity"]},
        {"severity": "extreme"},
        {"severity": None},
        {"occurred_at": "2026-11-22T14:00:00"},
        {"occurred_at": None},
        {"detected_at": "just now"},
        {"episode": "inactivity"},
        {"episode": "3:sos:2026-11-22T05:00:00Z:1"},
        {"episode": f"{'0' * 5000}3:inactivity:x:1"},
        {"episode": f"3:inactivity:{'x' * 400}:1"},
        {"episode": "3:inactivity:x:1000"},
        {"episode": "3:inactivity:x:-1"},
        {"description": None},
        {"description": "a\x00b"},
        {"message_id": 5},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_what_cannot_be_an_emergency_is_malformed(fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedEntry) as caught:
        parse_entry(text(**fields))
    assert str(caught.value)


@pytest.mark.parametrize("entry", [None, b"", b"{", b"[]", b"\xff", "5", b'{"senior_id": 1, "senior_id": 2}'])
def test_what_is_no_object_is_malformed(entry: bytes | str | None) -> None:
    with pytest.raises(MalformedEntry):
        parse_entry(entry)
