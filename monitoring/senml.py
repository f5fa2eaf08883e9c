"""A SenML pack (RFC 8428, JSON) as the events of a batch. Pure; the events are judged like those of native JSON.

One record is one event: `n` (after `bn`) is sensor_id, `t` (plus `bt`) its time, `vb` its value. `vs` beside `vb` is
its event_content: the RFC gives a record one value field, a pack for us may have this second one. Times must be
absolute (section 4.5.3 lets small ones count from now): a resend could not be told from new events otherwise.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from .ingest import MalformedBatch, read_batch

MEDIA_TYPE = "application/senml+json"
VERSION = 10
ABSOLUTE_FROM = 2**28
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_body(body: Any, content_type: str) -> tuple[list[Any], datetime | None]:
    """(events, sent_at) of a parsed body, by the request's Content-Type. Raises MalformedBatch."""
    return (read_pack(body), None) if is_senml(content_type) else read_batch(body)


def is_senml(content_type: str) -> bool:
    if content_type == "application/json":  # nearly every request
        return False
    return content_type.partition(";")[0].strip().lower() == MEDIA_TYPE


def read_pack(pack: Any) -> list[Any]:
    """One event, as in a native batch, for each record; what is wrong with one is left to the event's own verdict.

    Raises MalformedBatch where the RFC says that nothing of the pack may be used.
    """
    if not isinstance(pack, list):
        raise MalformedBatch("a SenML pack is a list of records")
    base: dict[str, Any] = {"bn": "", "bt": 0}
    return [_read_record(record, base) for record in pack]


def _read_record(record: Any, base: dict[str, Any]) -> Any:
    """`base` holds the base values so far; a record's own base values count for it and for all after it."""
    if not isinstance(record, dict):
        return record
    for label in record:
        if label.endswith("_"):
            raise MalformedBatch(f"the SenML field {label!r} must be understood, and is not (RFC 8428, section 4.4)")
    version = record.get("bver", VERSION)
    if isinstance(version, bool) or not isinstance(version, int) or version > VERSION:
        raise MalformedBatch(f"SenML of version {VERSION} is taken")
    base.update({label: record[label] for label in ("bn", "bt") if label in record})
    event = {
        "timestamp": _resolve_time(base["bt"], record.get("t", 0)),
        "sensor_id": _resolve_name(base["bn"], record.get("n", "")),
        "event_content": record.get("vs", ""),
    }
    return event | ({"sensor_value": record["vb"]} if "vb" in record else {})


def _resolve_name(base: Any, name: Any) -> str | None:
    return base + name if isinstance(base, str) and isinstance(name, str) else None


def _resolve_time(base: Any, offset: Any) -> str | None:
    """RFC 3339, to the microsecond; None where it is no absolute time, which the event's verdict will say."""
    if not _is_number(base) or not _is_number(offset):
        return None
    seconds = base + offset
    if not seconds >= ABSOLUTE_FROM:
        return None
    try:
        return (EPOCH + timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
