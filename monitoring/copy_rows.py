"""Sensor events as PostgreSQL's COPY takes them in binary: packed once, in the request that brought them.

The format is that of the manual's page on COPY, "Binary Format"; a time is microseconds since 2000 (timestamptz's own).
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COLUMNS = 'hub_id, "timestamp", sensor_value, sensor_id, event_content'
NOTE_COLUMNS = "hub_id, first_at, last_at, events"
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MAX_ENDINGS = 20_000

_pack_beginning = struct.Struct(">hiii").pack
_pack_time = struct.Struct(">q").pack
_pack_value = struct.Struct(">i?i").pack
_pack_note = struct.Struct(">hiiiqiqii").pack
_pack_length = struct.Struct(">i").pack
_endings: dict[tuple[bool, str, str], bytes] = {}


class Reading(Protocol):
    @property
    def timestamp(self) -> datetime: ...
    @property
    def sensor_id(self) -> str: ...
    @property
    def event_content(self) -> str: ...
    @property
    def sensor_value(self) -> bool: ...


class PackedRows(NamedTuple):
    """The events of one request of one hub, and the row of `ingest_batches` that tells of them."""

    hub_id: int
    rows: bytes
    events: int
    note: bytes


def pack_rows(hub_id: int, readings: Sequence[Reading]) -> PackedRows:
    if not readings:
        return PackedRows(hub_id, b"", 0, b"")
    beginning = _pack_beginning(5, 4, hub_id, 8)  # five columns; four bytes of hub_id; eight bytes of time follow
    times = [(reading.timestamp - EPOCH) // MICROSECOND for reading in readings]
    rows = beginning + beginning.join(
        [
            _pack_time(time) + _ending(reading.sensor_value, reading.sensor_id, reading.event_content)
            for time, reading in zip(times, readings, strict=True)
        ]
    )
    note = _pack_note(4, 4, hub_id, 8, min(times), 8, max(times), 4, len(times))
    return PackedRows(hub_id, rows, len(times), note)


def compose_copy(parts: Iterable[bytes]) -> bytes:
    """What one COPY is sent."""
    return b"".join([HEADER, *parts, TRAILER])


def _ending(value: bool, sensor_id: str, content: str) -> bytes:
    """The columns after the time. A home says the same few things all day, so they are packed once."""
    found = _endings.get((value, sensor_id, content))
    if found is not None:
        return found
    sensor, words = sensor_id.encode(), content.encode()
    ending = _pack_value(1, value, len(sensor)) + sensor + _pack_length(len(words)) + words
    if len(_endings) >= MAX_ENDINGS:
        _endings.clear()
    _endings[value, sensor_id, content] = ending
    return ending
