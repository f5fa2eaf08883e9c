"""What AI workers publish on the Redis stream `emergencies`: one field `json` an entry. Parsing is pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devices.strict_json import MalformedJSON, parse_strict

from .ingest import parse_timestamp
from .models import EventType, Severity

if TYPE_CHECKING:
    from datetime import datetime

STREAM = "emergencies"
DEAD = "emergencies.dead"
GROUP = "backend"
MOST_REASONS = 10
LARGEST_ID = 2**31 - 1
EPISODE = re.compile(r"(\d+):([a-z_]+):(.{1,120}):(\d{1,3})")


class MalformedEntry(ValueError):
    """No emergency can be read from it, now or later: it goes to the dead ones and the operators hear of it."""


@dataclass(frozen=True)
class EmergencyDetected:
    message_id: str
    senior_id: int
    event_type: EventType
    episode: str
    stage: int
    severity: Severity
    description: str
    occurred_at: datetime
    detected_at: datetime | None
    weight_id: int | None
    reasons: tuple[dict[str, Any], ...] = ()


def parse_entry(text: bytes | str | None) -> EmergencyDetected:
    """The entry's finding. Raises MalformedEntry."""
    if text is None:
        raise MalformedEntry("the entry has no field `json`")
    try:
        entry = parse_strict(text.encode() if isinstance(text, str) else text)
    except MalformedJSON as error:
        raise MalformedEntry(str(error)) from error
    if not isinstance(entry, dict):
        raise MalformedEntry("the entry is not an object")
    senior_id = _integer(entry, "senior_id")
    weight_id = None if entry.get("weight_id") is None else _integer(entry, "weight_id")
    detected_at = None if entry.get("detected_at") is None else _moment(entry, "detected_at")
    try:
        event_type, severity = EventType(_text(entry, "event_type")), Severity(_text(entry, "severity"))
    except ValueError as error:
        raise MalformedEntry(str(error)) from error
    episode = _text(entry, "episode")
    match = EPISODE.fullmatch(episode)
    if match is None or match[1] != str(senior_id) or match[2] != event_type:
        raise MalformedEntry("episode is senior_id:event_type:start:stage of this senior and type")
    return EmergencyDetected(
        message_id=_text(entry, "message_id"),
        senior_id=senior_id,
        event_type=event_type,
        episode=episode,
        stage=int(match[4]),
        severity=severity,
        description=_text(entry, "description"),
        occurred_at=_moment(entry, "occurred_at"),
        detected_at=detected_at,
        weight_id=weight_id,
        reasons=_reasons(entry),
    )


def _integer(entry: dict[str, Any], name: str) -> int:
    value = entry.get(name)
    if type(value) is not int or not 0 < value <= LARGEST_ID:
        raise MalformedEntry(f"{name} is an integer from 1 to {LARGEST_ID}")
    return value


def _moment(entry: dict[str, Any], name: str) -> datetime:
    value = parse_timestamp(entry.get(name))
    if value is None:
        raise MalformedEntry(f"{name} is a time with an offset, as in RFC 3339")
    return value


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str):
        raise MalformedEntry(f"{name} is a text")
    return value


def _reasons(entry: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The description as codes with numbers, where a worker sends it so. What is no such list is passed over: a
    finding is never lost to how it is put into words."""
    given = entry.get("reasons")
    listed = given[:MOST_REASONS] if isinstance(given, list) else []
    reasons = [reason for reason in listed if isinstance(reason, dict) and isinstance(reason.get("code"), str)]
    return tuple({"code": one["code"][:64], "values": _values(one)} for one in reasons)


def _values(reason: dict[str, Any]) -> dict[str, Any]:
    values = reason.get("values")
    return values if isinstance(values, dict) else {}
