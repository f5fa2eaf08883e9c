from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from devices import hub_protocol as protocol

BEAT: dict[str, Any] = {
    "type": "heartbeat",
    "id": "1",
    "sent_at": "2026-11-22T08:30:13.000+09:00",
    "battery": 87,
    "robot_online": True,
}


def refusal(text: str | None) -> protocol.ProtocolError:
    with pytest.raises(protocol.ProtocolError) as caught:
        protocol.parse(text)
    return caught.value


def test_a_heartbeat_is_read_with_its_instant() -> None:
    message = protocol.parse(json.dumps(BEAT))
    assert isinstance(message, protocol.Heartbeat)
    assert message.sent_at == datetime(2026, 11, 21, 23, 30, 13, tzinfo=UTC)
    assert (message.battery, message.robot_online) == (87, True)


def test_a_hub_without_battery_says_null() -> None:
    message = protocol.parse(json.dumps(BEAT | {"battery": None}))
    assert isinstance(message, protocol.Heartbeat)
    assert message.battery is None


def test_unknown_fields_are_ignored() -> None:
    assert isinstance(protocol.parse(json.dumps(BEAT | {"firmware": "2.1"})), protocol.Heartbeat)


@pytest.mark.parametrize(
    "change",
    [
        {"sent_at": "2026-11-22T08:30:13"},
        {"sent_at": 1},
        {"battery": 101},
        {"battery": -1},
        {"battery": True},
        {"battery": "87"},
        {"robot_online": 1},
        {"id": 7},
        {"type": 3},
    ],
    ids=str,
)
def test_a_wrong_field_is_malformed(change: dict[str, Any]) -> None:
    error = refusal(json.dumps(BEAT | change))
    assert (error.code, error.malformed) == ("malformed", True)


@pytest.mark.parametrize("missing", ["type", "id", "sent_at", "battery", "robot_online"])
def test_a_missing_field_is_malformed(missing: str) -> None:
    assert refusal(json.dumps({key: value for key, value in BEAT.items() if key != missing})).code == "malformed"


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "null", '"heartbeat"', "NaN", "[" * 60_000, '{"a":' * 12_000, "\ud800", "{}"]
)
def test_what_is_no_json_object_is_malformed(text: str | None) -> None:
    error = refusal(text)
    assert (error.code, error.malformed) == ("malformed", True)


def test_a_refusal_names_the_message_it_is_about() -> None:
    assert refusal(json.dumps(BEAT | {"battery": 101})).about == "1"


def test_64_kilobytes_are_taken_and_one_more_is_not() -> None:
    empty = len(json.dumps(BEAT | {"pad": ""}))
    fits = json.dumps(BEAT | {"pad": "x" * (protocol.MAX_BYTES - empty)})
    assert isinstance(protocol.parse(fits), protocol.Heartbeat)
    assert refusal(fits + " ").code == "too_large"


def test_the_size_is_counted_in_bytes() -> None:
    text = json.dumps(BEAT | {"pad": "가" * 30_000}, ensure_ascii=False)
    assert len(text) < protocol.MAX_BYTES
    assert refusal(text).code == "too_large"


def test_an_unknown_type_is_not_malformed() -> None:
    error = refusal(json.dumps({"type": "dance", "id": "9"}))
    assert (error.code, error.about, error.malformed) == ("unknown_type", "9", False)


def test_an_ice_candidate_keeps_the_names_of_w3c() -> None:
    candidate = {"candidate": "candidate:1 1 UDP 1 10.0.0.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}
    text = json.dumps({"type": "stream.candidate", "id": "1", "stream_id": "s", "candidate": candidate})
    message = protocol.parse(text)
    assert isinstance(message, protocol.StreamCandidate)
    assert json.loads(protocol.encode(message))["candidate"] == candidate


def test_the_end_of_candidates_is_null() -> None:
    message = protocol.parse('{"type": "stream.candidate", "id": "1", "stream_id": "s", "candidate": null}')
    assert isinstance(message, protocol.StreamCandidate)
    assert message.candidate is None


@pytest.mark.parametrize("check_id", [0, -1, 2**63, 1.5, "1", None])
def test_a_check_id_is_a_positive_integer(check_id: object) -> None:
    text = json.dumps({"type": "safety_check.answer", "id": "1", "check_id": check_id, "answer": "ok"})
    assert refusal(text).code == "malformed"


def test_a_safety_check_request_goes_out_as_the_contract_says() -> None:
    at = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    assert json.loads(protocol.encode(protocol.SafetyCheckRequest("a", 41, "괜찮으세요?", at))) == {
        "type": "safety_check.request",
        "id": "a",
        "check_id": 41,
        "prompt": "괜찮으세요?",
        "expires_at": "2026-11-22T08:30:00Z",
    }


def test_an_error_about_nothing_readable_says_null() -> None:
    sent = json.loads(protocol.encode(protocol.ErrorMessage("a", "malformed", "not JSON")))
    assert sent == {"type": "error", "id": "a", "code": "malformed", "detail": "not JSON", "about": None}


def test_a_budget_allows_a_burst_and_then_ten_a_second() -> None:
    budget = protocol.MessageBudget(now=0.0)
    assert [budget.spend(0.0) for _ in range(61)] == [True] * 60 + [False]
    assert [budget.spend(0.5) for _ in range(6)] == [True] * 5 + [False]


def test_a_quiet_socket_saves_no_more_than_one_burst() -> None:
    budget = protocol.MessageBudget(now=0.0)
    assert sum(budget.spend(3600.0) for _ in range(100)) == 60
