"""Endless streams of a home's sensor events around a given now: of a simulated resident or of a recording."""

from __future__ import annotations

import itertools
import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from portal.simulation.recordings import (
    SEOUL,
    WEEK,
    BadRow,
    Row,
    SensorEvent,
    Span,
    UnreadableRecording,
    measure_span,
    open_recording,
    read_rows,
    shift_to_now,
    weeks_to_now,
)
from portal.simulation.resident import days

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def live_resident(seed: int, start: datetime) -> Iterator[SensorEvent]:
    """The life of `seed` from `start` on, without end."""
    first_day = start.astimezone(SEOUL).date()
    for offset in itertools.count():
        for event in days(seed, first_day + timedelta(days=offset), 1):
            if event.timestamp >= start:
                yield event


class Recording(NamedTuple):
    """A recording shifted to some now: moved by `weeks`; `too_old` lies before `oldest`, `cut` after that now."""

    path: Path
    span: Span
    weeks: int
    oldest: datetime
    too_old: int
    cut: int


def measure_recording(path: Path, now: datetime, oldest: datetime) -> Recording:
    """Reads the file through twice. Raises UnreadableRecording, naming the line, when a row is bad or none is there."""
    with open_recording(path) as text:
        span = measure_span(_require_good(path, read_rows(text)))
    if span is None:
        raise UnreadableRecording(f"{path}: there is no event in it")
    weeks = weeks_to_now(span.last, now)
    too_old = cut = 0
    for event in _read_shifted(path, weeks):
        too_old += event.timestamp < oldest
        cut += event.timestamp > now
    return Recording(path, span, weeks, oldest, too_old, cut)


def live_recording(recording: Recording) -> Iterator[SensorEvent]:
    """The recording from `oldest` on; at its end it goes back by whole weeks, so the home lives on without a gap.

    A recording shorter than a week has the gap that makes up the week.
    """
    for event in _read_shifted(recording.path, recording.weeks):
        if event.timestamp >= recording.oldest:
            yield event
    first, last = recording.span
    lap = max(1, math.floor((last - first) / WEEK))
    resume = last + (recording.weeks - lap) * WEEK
    for turn in itertools.count(1):
        for event in _read_shifted(recording.path, recording.weeks):
            if event.timestamp > resume:
                yield event._replace(timestamp=event.timestamp + turn * lap * WEEK)


def _read_shifted(path: Path, weeks: int) -> Iterator[SensorEvent]:
    with open_recording(path) as text:
        for row in _require_good(path, read_rows(text)):
            yield shift_to_now(row.event, weeks)


def _require_good(path: Path, rows: Iterator[Row | BadRow]) -> Iterator[Row]:
    for row in rows:
        if isinstance(row, BadRow):
            raise UnreadableRecording(f"{path}, line {row.line}: {row.reason}")
        yield row
