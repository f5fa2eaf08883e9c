"""What a hub posted, judged event by event. Pure: values in, verdicts out."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from devices.strict_json import is_storable

from .models import EventType

MAX_EVENTS = 1000
FUTURE = timedelta(minutes=5)
PAST = timedelta(days=30)
SKEW = timedelta(seconds=60)
LATE = timedelta(minutes=10)
MAX_SENSOR_ID = 64
MAX_CONTENT = 200
FIELDS = {"timestamp", "sensor_id", "event_content", "sensor_value"}
PANIC_WORDS = {"sos": EventType.SOS, "fall": EventType.FALL_DETECTION, "fire": EventType.FIRE, "gas": EventType.GAS}
RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class MalformedBatch(ValueError):
    """Not a batch at all: nothing of it is taken."""


class SensorReading(NamedTuple):
    """An event that may be stored."""

    timestamp: datetime
    sensor_id: str
    event_content: str
    sensor_value: bool


@dataclass(frozen=True)
class Rejection:
    index: int
    code: str
    detail: str


@dataclass(frozen=True)
class Panic:
    """A pressed button or a fallen person, whatever else is wrong with its event."""

    event_type: EventType
    word: str
    sensor_id: str
    timestamp: str  # as the hub wrote it: part of the key, even where it is no time
    occurred_at: datetime | None  # None: no time can be read from it


@dataclass
class Verdicts:
    accepted: list[SensorReading] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    panics: list[Panic] = field(default_factory=list)


class RejectedEvent(ValueError):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def read_batch(body: Any) -> tuple[list[Any], datetime | None]:
    """(events, sent_at) of a parsed body. Raises MalformedBatch."""
    if not isinstance(body, dict):
        raise MalformedBatch("the body is an object with `events`")
    if unknown := set(body) - {"sent_at", "events"}:
        raise MalformedBatch(f"unknown field {sorted(unknown)[0]!r}; the body has `sent_at` and `events`")
    events = body.get("events")
    if not isinstance(events, list):
        raise MalformedBatch("`events` is a list of events")
    if body.get("sent_at") is None:
        return events, None
    sent_at = parse_timestamp(body["sent_at"])
    if sent_at is None:
        raise MalformedBatch("`sent_at` is a time with an offset, as in RFC 3339")
    return events, sent_at


def is_skewed(sent_at: datetime | None, arrived_at: datetime) -> bool:
    return sent_at is not None and abs(arrived_at - sent_at) > SKEW


def judge(events: list[Any], now: datetime) -> Verdicts:
    """Each event's verdict. One bad event costs none of the others, and a panic is seen whatever its verdict."""
    verdicts = Verdicts()
    for index, event in enumerate(events):
        if panic := find_panic(event):
            verdicts.panics.append(panic)
        try:
            verdicts.accepted.append(validate_event(event, now))
        except RejectedEvent as error:
            verdicts.rejected.append(Rejection(index, error.code, error.detail))
    return verdicts


def validate_event(event: Any, now: datetime, *, oldest: timedelta | None = PAST) -> SensorReading:
    """The event, cut to microseconds. Raises RejectedEvent. `oldest` None takes history of any age."""
    if not isinstance(event, dict):
        raise RejectedEvent("unknown_field", "an event is an object")
    if unknown := set(event) - FIELDS:
        raise RejectedEvent("unknown_field", f"unknown field {sorted(unknown)[0]!r}")
    timestamp = parse_timestamp(event.get("timestamp"))
    if timestamp is None:
        raise RejectedEvent("invalid_timestamp", "timestamp is a time with an offset, as in RFC 3339")
    if timestamp > now + FUTURE:
        raise RejectedEvent("timestamp_in_future", "more than 5 minutes ahead of the server's clock")
    if oldest is not None and timestamp < now - oldest:
        raise RejectedEvent("too_old", f"older than {oldest.days} days")
    return SensorReading(
        timestamp,
        check_sensor_id(event.get("sensor_id")),
        check_content(event.get("event_content")),
        check_value(event.get("sensor_value")),
    )


def check_sensor_id(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_SENSOR_ID or not is_printable(value):
        raise RejectedEvent("invalid_sensor_id", f"sensor_id has 1 to {MAX_SENSOR_ID} printable characters")
    return value


def check_content(value: Any) -> str:
    if not isinstance(value, str) or not is_printable(value):
        raise RejectedEvent("invalid_content", "event_content is a text without control characters")
    if len(value) > MAX_CONTENT:
        raise RejectedEvent("too_long", f"event_content has at most {MAX_CONTENT} characters")
    return value


def check_value(value: Any) -> bool:
    if not isinstance(value, bool):
        raise RejectedEvent("invalid_value", "sensor_value is true or false")
    return value


def is_printable(text: str) -> bool:
    """No control characters, and nothing that the database cannot keep. Letters of any script are fine."""
    if text.isascii():
        return text.isprintable()
    return is_storable(text) and not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text)


def parse_timestamp(value: Any) -> datetime | None:
    """A time with an offset (RFC 3339), finer digits than microseconds cut; None where it is no such time."""
    if not isinstance(value, str):
        return None
    match = RFC_3339.fullmatch(value)
    if match is None:
        return None
    day, clock, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(
            f"{day}T{clock}{(fraction or '')[:7].ljust(7, '0') if fraction else ''}{offset.upper()}"
        )
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def find_panic(event: Any) -> Panic | None:
    """The panic in an event, if its content begins with a panic word and its value is true."""
    if not isinstance(event, dict) or event.get("sensor_value") is not True:
        return None
    content = event.get("event_content")
    word = content.split(maxsplit=1)[0] if isinstance(content, str) and content.strip() else ""
    event_type = PANIC_WORDS.get(word)
    if event_type is None or not isinstance(content, str) or not content.startswith(word):
        return None
    written = event.get("timestamp")
    return Panic(
        event_type=event_type,
        word=word,
        sensor_id=str(event.get("sensor_id") or ""),
        timestamp=str(written),
        occurred_at=parse_timestamp(written),
    )


def panic_source(hub_id: int, panic: Panic) -> str:
    """The source key: hub, word, time and sensor. What is no proper text or time goes in by its digest."""
    when = panic.occurred_at.isoformat() if panic.occurred_at else digest(panic.timestamp)
    return f"{panic_family(hub_id, panic)}{when}"


def panic_family(hub_id: int, panic: Panic) -> str:
    """What the source keys of one sensor's panics of one word begin with."""
    is_plain = len(panic.sensor_id) <= MAX_SENSOR_ID and is_printable(panic.sensor_id)
    return f"panic:{hub_id}:{panic.word}:{panic.sensor_id if is_plain else digest(panic.sensor_id)}:"


def digest(text: str) -> str:
    return "#" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
