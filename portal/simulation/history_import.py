"""Carries a recording of any length and age into the store as one hub's history, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from monitoring.history import CHUNK_EVENTS, store_history
from monitoring.ingest import RejectedEvent, SensorReading, check_content, check_sensor_id
from portal.simulation.recordings import (
    BadRow,
    Row,
    measure_span,
    open_recording,
    read_rows,
    shift_to_now,
    weeks_to_now,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

REASONS_SHOWN = 10


@dataclass
class ImportTally:
    """`read` = stored + duplicates + cut + rejected; `reasons` are those of the first rejected lines."""

    read: int = 0
    stored: int = 0
    duplicates: int = 0
    cut: int = 0
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)

    def reject(self, line: int, reason: str) -> None:
        self.rejected += 1
        if len(self.reasons) < REASONS_SHOWN:
            self.reasons.append(f"line {line}: {reason}")


def import_recording(hub_id: int, path: Path, now: datetime, *, to_now: bool) -> ImportTally:
    """Stores the events of `path` up to `now`, each chunk in a transaction of its own; a second import adds nothing.

    With `to_now` the recording is moved by whole weeks so that it ends at `now` or later. Raises UnreadableRecording;
    the chunks before the damage stay stored.
    """
    weeks = None
    if to_now:
        with open_recording(path) as text:
            span = measure_span(read_rows(text))
        weeks = weeks_to_now(span.last, now) if span else 0
    tally = ImportTally()
    chunk: list[SensorReading] = []
    with open_recording(path) as text:
        for reading in _accept(read_rows(text), now, weeks, tally):
            chunk.append(reading)
            if len(chunk) == CHUNK_EVENTS:
                _store(hub_id, chunk, tally)
    _store(hub_id, chunk, tally)
    return tally


def _accept(
    rows: Iterable[Row | BadRow], now: datetime, weeks: int | None, tally: ImportTally
) -> Iterator[SensorReading]:
    for row in rows:
        tally.read += 1
        if isinstance(row, BadRow):
            tally.reject(row.line, row.reason)
            continue
        try:
            event = row.event if weeks is None else shift_to_now(row.event, weeks)
            at = event.timestamp.astimezone(UTC)
            reading = SensorReading(
                at, check_sensor_id(event.sensor_id), check_content(event.event_content), event.sensor_value
            )
        except OverflowError:
            tally.reject(row.line, "the timestamp is out of range")
        except RejectedEvent as error:
            tally.reject(row.line, error.detail)
        else:
            if at > now:
                tally.cut += 1
            else:
                yield reading


def _store(hub_id: int, chunk: list[SensorReading], tally: ImportTally) -> None:
    if chunk:
        stored = store_history(hub_id, chunk)
        tally.stored += stored
        tally.duplicates += len(chunk) - stored
        chunk.clear()
