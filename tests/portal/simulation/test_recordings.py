"""Recordings are read line by line and moved to now by whole weeks of wall clock."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.simulation.recordings import (
    SEOUL,
    WEEK,
    BadRow,
    Row,
    SensorEvent,
    UnreadableRecording,
    measure_span,
    open_recording,
    read_rows,
    shift_to_now,
    weeks_to_now,
    write_recording,
)

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "timestamp,sensor_id,event_content,sensor_value\n"
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
RECORDED = st.datetimes(datetime(1995, 1, 1), datetime(2026, 1, 1), timezones=OFFSETS)
NOWS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


def read(text: str) -> list[Row | BadRow]:
    return list(read_rows(io.StringIO(text)))


@given(at=RECORDED, now=NOWS)
def test_shifting_keeps_wall_clock_and_weekday(at: datetime, now: datetime) -> None:
    shifted = shift_to_now(SensorEvent(at, "a", "motion on", True), weeks_to_now(at, now)).timestamp
    assert shifted.time() == at.time()
    assert shifted.weekday() == at.weekday()
    assert shifted.tzinfo is SEOUL


@given(last=RECORDED, now=NOWS)
def test_the_last_event_is_carried_to_now_or_later_by_the_fewest_weeks(last: datetime, now: datetime) -> None:
    weeks = weeks_to_now(last, now)
    shifted = shift_to_now(SensorEvent(last, "a", "motion on", True), weeks).timestamp
    assert shifted >= now
    assert weeks == 0 or shifted - WEEK < now


def test_a_last_event_that_falls_on_now_stays_on_now() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=SEOUL)
    assert weeks_to_now(datetime(2026, 11, 9, 12, tzinfo=UTC), now) == 2


def test_a_recorded_offset_is_dropped_and_a_missing_one_is_seoul() -> None:
    rows = read(HEADER + "2011-06-15T01:03:39.149-07:00,a,motion on,1\n2011-06-15T01:03:39,a,motion on,true\n")
    assert [row.event.timestamp.utcoffset() for row in rows if isinstance(row, Row)] == [
        timedelta(hours=-7),
        timedelta(hours=9),
    ]
    span = measure_span(rows)
    assert span == (datetime(2011, 6, 15, 1, 3, 39, tzinfo=SEOUL), datetime(2011, 6, 15, 1, 3, 39, 149_000, SEOUL))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2011-06-15T01:03:39,a,motion on,2", "sensor_value"),
        ("yesterday,a,motion on,1", "timestamp"),
        ("2011-06-15T01:03:39,a,1", "fields"),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_costs_no_other(line: str, reason: str) -> None:
    good = "2011-06-15T01:03:39,a,motion on,1\n"
    before, bad, after = read(HEADER + good + line + "\n" + good)
    assert isinstance(before, Row)
    assert isinstance(after, Row)
    assert isinstance(bad, BadRow)
    assert bad.line == 3
    assert reason in bad.reason


@pytest.mark.parametrize("text", ["", "time,sensor\n1,2\n"])
def test_a_file_without_the_columns_is_refused_with_their_names(text: str) -> None:
    with pytest.raises(UnreadableRecording, match="timestamp, sensor_id, event_content, sensor_value"):
        read(text)


def test_columns_are_found_by_name_in_any_order() -> None:
    (row,) = read("sensor_value,extra,sensor_id,timestamp,event_content\n0,x,현관문,2011-06-15T01:03:39Z,door close\n")
    assert isinstance(row, Row)
    assert row.event[1:] == ("현관문", "door close", False)


@pytest.mark.parametrize("name", ["home.csv", "home.csv.gz"])
def test_plain_and_gzip_files_read_alike(tmp_path: Path, name: str) -> None:
    content = (HEADER + "2011-06-15T01:03:39,침실,motion on,1\n").encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else b"\xef\xbb\xbf" + content)
    with open_recording(tmp_path / name) as text:
        (row,) = read_rows(text)
    assert isinstance(row, Row)
    assert row.event.sensor_id == "침실"


def test_a_torn_gzip_file_is_refused(tmp_path: Path) -> None:
    lines = (f"2011-06-15T01:03:39.{number:06},{number * 7919},motion on,1\n" for number in range(5_000))
    (tmp_path / "home.csv.gz").write_bytes(gzip.compress((HEADER + "".join(lines)).encode())[:-2_000])
    with (
        pytest.raises(UnreadableRecording, match="cannot be read on"),
        open_recording(tmp_path / "home.csv.gz") as text,
    ):
        list(read_rows(text))


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home.csv").write_bytes(HEADER.encode() + "2011-06-15T01:03:39,침실,motion on,1\n".encode("cp949"))
    with pytest.raises(UnreadableRecording), open_recording(tmp_path / "home.csv") as text:
        list(read_rows(text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecording, match=r"none\.csv"), open_recording(tmp_path / "none.csv"):
        pass


def test_what_is_written_is_read_back_unchanged() -> None:
    events = [SensorEvent(datetime(2026, 11, 23, 8, 0, 0, 1_000, SEOUL), '침실, "큰"', "motion on", True)]
    out = io.StringIO()
    assert write_recording(events, out) == 1
    assert [row.event for row in read(out.getvalue()) if isinstance(row, Row)] == events
