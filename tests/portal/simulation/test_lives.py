"""Lives run on without an end: the generated one by days, the recorded one by whole weeks."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import pytest

from portal.simulation.lives import live_recording, live_resident, measure_recording
from portal.simulation.recordings import SEOUL, SensorEvent, UnreadableRecording, write_recording
from portal.simulation.resident import days

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = datetime(2011, 6, 15, 1, 0, tzinfo=SEOUL)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=SEOUL)


def record_hours(path: Path, hours: int) -> Path:
    """A home that moves each hour on the hour."""
    with path.open("w", newline="") as out:
        write_recording((SensorEvent(BEGIN + timedelta(hours=n), "a", "motion on", True) for n in range(hours)), out)
    return path


def test_a_resident_lives_on_from_any_moment() -> None:
    start = datetime(2026, 10, 5, 15, 30, tzinfo=SEOUL)
    lived = list(islice(live_resident(5, start), 2_000))
    assert lived == [event for event in days(5, date(2026, 10, 5), 30) if event.timestamp >= start][:2_000]


def test_a_recording_is_cut_at_now_and_counted(tmp_path: Path) -> None:
    path = record_hours(tmp_path / "home.csv", 24 * 20)
    recording = measure_recording(path, NOW, NOW - timedelta(days=10))
    events = list(islice(live_recording(recording), 24 * 20 - recording.too_old))
    assert sum(event.timestamp > NOW for event in events) == recording.cut
    assert recording.cut < 24 * 7
    assert events[0].timestamp >= NOW - timedelta(days=10)
    assert events[-1].timestamp >= NOW


def test_a_recorded_home_lives_on_after_its_end_without_a_gap(tmp_path: Path) -> None:
    path = record_hours(tmp_path / "home.csv", 24 * 20)
    recording = measure_recording(path, NOW, NOW - timedelta(days=30))
    events = list(islice(live_recording(recording), 24 * 60))
    assert {later.timestamp - earlier.timestamp for earlier, later in pairwise(events)} == {timedelta(hours=1)}


def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path) -> None:
    path = record_hours(tmp_path / "home.csv", 3)
    path.write_text(path.read_text() + "nonsense\n")
    with pytest.raises(UnreadableRecording, match=r"home\.csv, line 5"):
        measure_recording(path, NOW, NOW)


def test_an_empty_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecording, match="no event"):
        measure_recording(record_hours(tmp_path / "home.csv", 0), NOW, NOW)
