"""Recordings of real homes, where this machine has them: their licences keep them out of the project."""

from __future__ import annotations

import asyncio
import io
import json
import os
from datetime import datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command

from monitoring.models import SensorLog
from portal.simulation.home_plan import HomePlan
from portal.simulation.homes import Home
from portal.simulation.lives import live_recording, measure_recording
from portal.simulation.recordings import SEOUL, Row, open_recording, read_rows, shift_to_now, weeks_to_now

if TYPE_CHECKING:
    from devices.models import IoTHub
    from tests.examples.backend_double import BackendDouble

FOLDER = Path(os.environ.get("ANBU_RECORDINGS", Path(__file__).resolve().parents[4] / "shared" / "ai" / "homes"))
HOMES = ["casas_al_sample", "casas_aruba_sparse_1", "kasteren_c", "mit_subject1", "ordonez_b"]


def find_home(name: str) -> Path:
    path = FOLDER / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip("the recordings of real homes are not on this machine")
    return path


def read_all(path: Path) -> list[Row]:
    with open_recording(path) as text:
        rows = list(read_rows(text))
    good = [row for row in rows if isinstance(row, Row)]
    assert len(good) == len(rows)
    return good


@pytest.mark.parametrize("name", HOMES)
@pytest.mark.django_db(databases=["default", "timeseries"])
def test_the_whole_history_of_a_real_home_is_imported(hub: IoTHub, name: str) -> None:
    path = find_home(name)
    rows = read_all(path)
    out = io.StringIO()
    call_command("import_events", str(hub.hub_id), str(path), "--shift-to-now", "--json", stdout=out)
    tally = json.loads(out.getvalue())
    weeks = weeks_to_now(max(row.event.timestamp.replace(tzinfo=SEOUL) for row in rows), datetime.now(SEOUL))
    last = SensorLog.objects.filter(hub_id=hub.hub_id).order_by("-timestamp")[0].timestamp
    shifted = [shift_to_now(row.event, weeks) for row in rows]
    keys = {(e.timestamp, e.sensor_id, e.sensor_value) for e in shifted if e.timestamp <= last}
    assert SensorLog.objects.filter(hub_id=hub.hub_id).count() == len(keys) == tally["stored"]
    assert tally["read"] == len(rows) == tally["stored"] + tally["duplicates"] + tally["cut"]
    assert tally["cut"] == sum(e.timestamp > last for e in shifted)


@pytest.mark.parametrize("name", HOMES)
def test_a_real_home_lives_on_for_a_month_without_a_longer_silence_than_its_own(name: str) -> None:
    now = datetime.now(SEOUL)
    recording = measure_recording(find_home(name), now, now - timedelta(days=30))
    end = now + timedelta(days=30)
    times = []
    for event in islice(live_recording(recording), 200_000):
        if event.timestamp > end:
            break
        times.append(event.timestamp)
    times.sort()
    ends = recording.span.last + recording.weeks * timedelta(weeks=1)
    before = max(later - earlier for earlier, later in pairwise(times) if later <= ends)
    after = max(later - earlier for earlier, later in pairwise(times) if later > ends)
    assert after <= before + timedelta(hours=24)
    assert times[-1] > end - timedelta(days=2)


async def test_the_last_month_of_a_real_home_is_delivered_as_fast_as_asked(
    backend: BackendDouble, tmp_path: Path
) -> None:
    path = find_home("casas_al_sample")
    plan = HomePlan(backend.key, "al", 0, path)
    home = Home(plan, backend.url, tmp_path / "hub.db", days=30, speed=1_000_000)
    begin = datetime.now(SEOUL)
    running = asyncio.create_task(home.run())
    async with asyncio.timeout(60):
        await home.past_delivered.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    rows = read_all(path)
    assert home.tally.cut + home.tally.too_old + home.tally.delivered >= len(rows)
    past = [at for _, at, _ in backend.stored if at <= begin.timestamp()]
    weeks = weeks_to_now(max(row.event.timestamp.replace(tzinfo=SEOUL) for row in rows), begin)
    keys = {(e.timestamp, e.sensor_id, e.sensor_value) for e in (shift_to_now(row.event, weeks) for row in rows)}
    assert len(past) == sum(begin - timedelta(days=30) <= at <= begin for at, _, _ in keys) - home.tally.too_old
