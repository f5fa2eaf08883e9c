"""Recordings of real homes: CSV or gzip with the columns timestamp, sensor_id, event_content, sensor_value.

Everything streams: memory does not grow with a recording's length.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SEOUL = ZoneInfo("Asia/Seoul")
COLUMNS = ("timestamp", "sensor_id", "event_content", "sensor_value")
WEEK = timedelta(weeks=1)
_VALUES = {"1": True, "true": True, "0": False, "false": False}
_GZIP_MAGIC = b"\x1f\x8b"


class UnreadableRecording(ValueError):
    """The file is no recording; the text names the line and what to do."""


class SensorEvent(NamedTuple):
    """What a sensor saw; `timestamp` has an offset."""

    timestamp: datetime
    sensor_id: str
    event_content: str
    sensor_value: bool


class Row(NamedTuple):
    """One good line (numbered from 1, the header's number); a timestamp without offset was read as Asia/Seoul."""

    line: int
    event: SensorEvent


class BadRow(NamedTuple):
    """A line that is no event, and why."""

    line: int
    reason: str


@contextmanager
def open_recording(path: Path) -> Iterator[io.TextIOBase]:
    """Opens CSV or gzip, told apart by the first bytes; raises UnreadableRecording when it cannot be opened."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise UnreadableRecording(f"{path}: {error.strerror}. Give a .csv or .csv.gz file that can be read.") from error
    with raw:
        compressed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        content = gzip.GzipFile(fileobj=raw) if compressed else raw
        with io.TextIOWrapper(content, encoding="utf-8-sig", newline="") as text:
            yield text


def read_rows(lines: Iterable[str]) -> Iterator[Row | BadRow]:
    """Yields every line of a recording in its order.

    Raises UnreadableRecording when the columns are not there or the file breaks off (damaged gzip, not UTF-8).
    """
    reader = csv.reader(lines)
    try:
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise UnreadableRecording(f"line 1: no column {', '.join(missing)}. The columns are {', '.join(COLUMNS)}.")
        places = [header.index(name) for name in COLUMNS]
        for fields in reader:
            if fields:
                yield _read_row(reader.line_num, fields, places)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableRecording(f"after line {reader.line_num}: the file cannot be read on: {error}") from error


def _read_row(line: int, fields: list[str], places: list[int]) -> Row | BadRow:
    if len(fields) <= max(places):
        return BadRow(line, f"{len(fields)} fields, too few for the header")
    timestamp, sensor_id, event_content, value = (fields[place] for place in places)
    sensor_value = _VALUES.get(value.strip().lower())
    if sensor_value is None:
        return BadRow(line, f"sensor_value {value!r} is none of 1, 0, true, false")
    try:
        at = datetime.fromisoformat(timestamp.strip())
    except ValueError:
        return BadRow(line, f"timestamp {timestamp!r} is not an ISO 8601 time")
    return Row(line, SensorEvent(at if at.tzinfo else at.replace(tzinfo=SEOUL), sensor_id, event_content, sensor_value))


def local_wall_clock(event: SensorEvent) -> SensorEvent:
    """The same event at the same wall clock in Asia/Seoul: the offset that it was recorded with is dropped."""
    return event._replace(timestamp=event.timestamp.replace(tzinfo=SEOUL))


def weeks_to_now(last: datetime, now: datetime) -> int:
    """The fewest whole weeks (0 or more) that carry `last`, its wall clock read as Asia/Seoul, to `now` or later."""
    return max(0, math.ceil((now - last.replace(tzinfo=SEOUL)) / WEEK))


def shift_weeks(event: SensorEvent, weeks: int) -> SensorEvent:
    """Moves an event by whole weeks: time of day and weekday stay. Raises OverflowError past year 9999."""
    return event._replace(timestamp=event.timestamp + weeks * WEEK)


def shift_to_now(event: SensorEvent, weeks: int) -> SensorEvent:
    """One event of a recording moved by its `weeks_to_now`; what is then later than now is the caller's to cut."""
    return shift_weeks(local_wall_clock(event), weeks)


class Span(NamedTuple):
    """First and last wall clock of a recording, read as Asia/Seoul."""

    first: datetime
    last: datetime


def measure_span(rows: Iterable[Row | BadRow]) -> Span | None:
    """Reads a recording through once; None when it has no event."""
    first = last = None
    for row in rows:
        if isinstance(row, Row):
            at = row.event.timestamp.replace(tzinfo=SEOUL)
            first = at if first is None or at < first else first
            last = at if last is None or at > last else last
    return None if first is None or last is None else Span(first, last)


def write_recording(events: Iterable[SensorEvent], out: io.TextIOBase) -> int:
    """Writes events as a recording that `read_rows` reads back unchanged; returns how many."""
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    count = 0
    for event in events:
        writer.writerow((event.timestamp.isoformat(), event.sensor_id, event.event_content, int(event.sensor_value)))
        count += 1
    return count
