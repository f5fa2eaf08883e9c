"""`manage.py import_events` carries a home's history in, once, and raises nothing."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from monitoring import history
from monitoring.models import EmergencyLog, IngestBatch, SensorLog
from portal.simulation import history_import
from portal.simulation.recordings import SEOUL, SensorEvent, write_recording

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from devices.models import IoTHub

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])
BEGIN = datetime(2011, 6, 15, 1, 0, tzinfo=UTC)


def write(path: Path, events: Iterable[SensorEvent]) -> Path:
    with path.open("w", newline="") as out:
        write_recording(events, out)
    return path


def hourly(count: int, begin: datetime = BEGIN) -> list[SensorEvent]:
    return [SensorEvent(begin + timedelta(hours=n), "침실 활동", "motion on", True) for n in range(count)]


def run(hub: IoTHub, path: Path, *options: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("import_events", str(hub.hub_id), str(path), *options, "--json", stdout=out)
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


def test_history_of_any_age_is_stored_as_it_is(hub: IoTHub, tmp_path: Path) -> None:
    tally = run(hub, write(tmp_path / "home.csv", hourly(50)))
    assert (tally["read"], tally["stored"], tally["duplicates"], tally["cut"], tally["rejected"]) == (50, 50, 0, 0, 0)
    rows = SensorLog.objects.filter(hub_id=hub.hub_id).order_by("timestamp")
    assert [row.timestamp for row in rows] == [event.timestamp for event in hourly(50)]
    assert rows[0].event_content == "motion on"


def test_a_second_import_adds_nothing(hub: IoTHub, tmp_path: Path) -> None:
    path = write(tmp_path / "home.csv", hourly(50))
    run(hub, path)
    tally = run(hub, path)
    assert (tally["stored"], tally["duplicates"]) == (0, 50)
    assert SensorLog.objects.filter(hub_id=hub.hub_id).count() == 50


def test_scoring_is_told_of_every_chunk_that_held_something_new(
    hub: IoTHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_import, "CHUNK_EVENTS", 20)
    path = write(tmp_path / "home.csv", hourly(50))
    run(hub, path)
    run(hub, path)
    batches = IngestBatch.objects.filter(hub_id=hub.hub_id).order_by("batch_id")
    assert [batch.events for batch in batches] == [20, 20, 10]
    assert batches[0].first_at == BEGIN
    assert batches[2].last_at == BEGIN + timedelta(hours=49)


def test_a_chunk_is_large_enough_to_be_fast() -> None:
    assert history.CHUNK_EVENTS == 50_000


def test_a_shifted_recording_keeps_its_wall_clock_and_is_cut_at_now(hub: IoTHub, tmp_path: Path) -> None:
    tally = run(hub, write(tmp_path / "home.csv", hourly(24 * 10)), "--shift-to-now")
    assert tally["stored"] + tally["cut"] == 24 * 10
    assert 0 < tally["cut"] <= 24 * 7
    first, last = (
        SensorLog.objects.filter(hub_id=hub.hub_id).order_by(order).first() for order in ("timestamp", "-timestamp")
    )
    assert first is not None
    assert last is not None
    begin = first.timestamp.astimezone(SEOUL)
    assert (begin.hour, begin.weekday()) == (1, BEGIN.weekday())
    assert timedelta() <= timezone.now() - last.timestamp < timedelta(hours=1, minutes=1)


def test_what_lies_in_the_future_is_cut_without_a_shift_too(hub: IoTHub, tmp_path: Path) -> None:
    tally = run(hub, write(tmp_path / "home.csv", hourly(10, timezone.now() - timedelta(hours=4, minutes=30))))
    assert (tally["stored"], tally["cut"]) == (5, 5)


def test_bad_lines_are_named_and_cost_no_others(hub: IoTHub, tmp_path: Path) -> None:
    path = write(tmp_path / "home.csv", hourly(3))
    with path.open("a") as out:
        out.write(f"2011-06-15T01:00:00Z,{'x' * 65},motion on,1\n")
        out.write("2011-06-15T01:00:00Z,a,motion\x07on,1\n")
        out.write("0001-01-01T00:00:00+09:00,a,motion on,1\n")
        out.write("never,a,motion on,1\n" * 10)
    tally = run(hub, path)
    assert (tally["read"], tally["stored"], tally["rejected"]) == (16, 3, 13)
    assert len(tally["reasons"]) == 10
    assert [reason.split(":")[0] for reason in tally["reasons"][:4]] == ["line 5", "line 6", "line 7", "line 8"]


def test_an_imported_panic_press_raises_nothing(hub: IoTHub, tmp_path: Path) -> None:
    run(hub, write(tmp_path / "home.csv", [SensorEvent(BEGIN, "sos_button", "sos", True)]))
    assert SensorLog.objects.filter(hub_id=hub.hub_id).count() == 1
    assert not EmergencyLog.objects.exists()


def test_an_unknown_hub_is_answered_by_what_to_do(tmp_path: Path, db: None) -> None:
    with pytest.raises(CommandError, match="There is no hub 999999"):
        call_command("import_events", "999999", str(write(tmp_path / "home.csv", hourly(1))))


def test_a_file_that_is_no_recording_is_refused(hub: IoTHub, tmp_path: Path) -> None:
    (tmp_path / "home.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="no column timestamp"):
        run(hub, tmp_path / "home.csv")
