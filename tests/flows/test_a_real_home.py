"""Recordings of real homes go the whole way: history, ingest, weights, cache, an alarm when the weights name it."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
import redis

from ai.calibration import fit_habits
from ai.features import Life, find_word, sensor_key, to_local
from ai.habits import repeat_habits
from ai.judgement import find_alarms
from ai.tracks import hear_life, rebuild_tracks
from portal.simulation.recordings import write_recording
from portal.simulation.resident import days
from tests.flows.product import ROOT, eventually, receive

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flows.product import Product, StaffClient

HOMES = ROOT.parent / "shared" / "ai" / "homes"
pytestmark = [
    pytest.mark.flow,
    pytest.mark.skipif(not HOMES.exists(), reason="the recordings of real homes are not here"),
]
SPARSE, DENSE = HOMES / "casas_aruba_sparse_1.csv.gz", HOMES / "casas_al_sample.csv.gz"
SEOUL = ZoneInfo("Asia/Seoul")
WEEK = timedelta(weeks=1)
PREPARATION_S = 75.0


class Recorded(NamedTuple):
    timestamp: datetime
    sensor_id: str
    sensor_value: bool
    word: str


def shifted(path: Path, now: datetime) -> list[Recorded]:
    """The recording as the contract shifts it: wall clock kept, by the fewest whole weeks to now or later."""
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
        rows = [
            Recorded(
                datetime.fromisoformat(row["timestamp"]).replace(tzinfo=None, microsecond=0)
                + timedelta(microseconds=datetime.fromisoformat(row["timestamp"]).microsecond),
                row["sensor_id"],
                row["sensor_value"] in {"1", "true", "True"},
                row["event_content"].lower().split(" ", 1)[0],
            )
            for row in csv.DictReader(file)
        ]
    last = max(row.timestamp for row in rows)
    local_now = now.astimezone(SEOUL).replace(tzinfo=None)
    weeks = -(-(local_now - last) // WEEK)
    return [row._replace(timestamp=(row.timestamp + weeks * WEEK).replace(tzinfo=SEOUL)) for row in rows]


def register(supervisor: StaffClient, name: str) -> dict[str, Any]:
    body = {"full_name": name, "address": "춘천시 효자동 1", "hub": {"device_id": f"HOME:{time.time_ns()}"}}
    created: dict[str, Any] = supervisor.call("POST", "/seniors", body).json()
    return created


def count_rows(product: Product, hub_id: int) -> int:
    url = json.loads((product.data / "run" / "backend.json").read_text())["TIMESERIES_URL"]
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM sensor_logs WHERE hub_id = %s", [hub_id]).fetchone()
    assert row is not None
    return int(row[0])


def simulate(product: Product, key: str, *arguments: str, recording: Path = DENSE) -> subprocess.Popen[str]:
    command = [sys.executable, "manage.py", "simulate_hub", "--url", product.url, "--key", key]
    return subprocess.Popen(
        [*command, "--csv", str(recording), "--speed", "100000", *arguments, "--json"],
        cwd=ROOT,
        env=product.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_a_whole_history_is_imported_and_what_lies_ahead_is_cut_and_counted(
    product: Product, supervisor: StaffClient
) -> None:
    home = register(supervisor, "아루바")
    before = datetime.now(UTC)
    done = product.manage("import_events", str(home["hub"]["hub_id"]), str(SPARSE), "--shift-to-now")
    rows = shifted(SPARSE, before)
    kept = {row[:3] for row in rows if row.timestamp <= before}
    soon = {row[:3] for row in rows if before < row.timestamp <= datetime.now(UTC)}
    assert done["read"] == len(rows)
    assert done["read"] == done["stored"] + done["duplicates"] + done["cut"] + done["rejected"]
    stored = count_rows(product, home["hub"]["hub_id"])
    assert stored == done["stored"]
    assert len(kept) <= stored <= len(kept | soon)
    again = product.manage("import_events", str(home["hub"]["hub_id"]), str(SPARSE), "--shift-to-now")
    assert again["stored"] <= len(soon) + 50
    print(f"\nhistory: {done}")


def test_a_month_goes_through_ingest_and_its_weights_are_trained_registered_cached_and_scored(
    product: Product, supervisor: StaffClient
) -> None:
    home = register(supervisor, "알")
    began = datetime.now(UTC)
    output, _ = simulate(product, home["hub"]["api_key"], "--past-only").communicate(timeout=300)
    ended = datetime.now(UTC)
    summary = json.loads(output.strip().splitlines()[-1])
    rows = shifted(DENSE, began)
    surely = {row[:3] for row in rows if ended - timedelta(days=30) <= row.timestamp <= began}
    perhaps = {row[:3] for row in rows if began - timedelta(days=30) <= row.timestamp <= ended}
    stored = count_rows(product, home["hub"]["hub_id"])
    assert len(surely) <= stored <= len(perhaps)
    assert stored == summary["accepted"]
    assert summary["cut"] > 0

    senior_id = str(home["senior_id"])
    product.manage("train_weights", "--senior", senior_id, "--wait", "120")
    weights = product.manage("show_weights", senior_id)
    assert weights["version"] == 1
    run = json.loads((product.data / "run" / "backend.json").read_text())
    with redis.Redis.from_url(run["REDIS_URL"]) as cache:
        eventually(lambda: cache.exists(f"weights:{senior_id}:1") == 1, 30, "the weights are in the cache")

    def scored() -> dict[str, Any] | None:
        risk: dict[str, Any] = supervisor.get(f"/seniors/{senior_id}")["risk"]
        return risk if risk["updated_at"] else None

    risk = eventually(scored, 30, "the home is scored")
    print(f"\ningest: {summary}; weights v{weights['version']}; risk {risk}")


@pytest.mark.long
def test_the_alarm_comes_within_a_minute_of_the_moment_that_the_weights_name(
    product: Product, supervisor: StaffClient, tmp_path: Path
) -> None:
    home = register(supervisor, "고요")
    recording, hours = find_silence(tmp_path)
    living = simulate(product, home["hub"]["api_key"], "--silent-for", f"{hours:.5f}", recording=recording)
    try:
        assert living.stdout is not None
        for line in living.stdout:
            if json.loads(line)["event"] == "past_delivered":
                break
        senior_id = str(home["senior_id"])
        product.manage("train_weights", "--senior", senior_id, "--wait", "120")
        alarm_at = datetime.fromisoformat(product.manage("show_weights", senior_id)["alarm_at"])
        left = (alarm_at - datetime.now(UTC)).total_seconds()
        print(f"\n{recording.name}, silent for {hours:.2f} h; the weights name {alarm_at:%H:%M:%S}, in {left:.0f} s")
        assert 5 < left < 600
        with supervisor.socket() as socket:
            assert not any(row["senior_id"] == home["senior_id"] for row in json.loads(socket.recv())["emergencies"])
            while True:
                raised = receive(socket, "emergency.raised", left + 60)
                if raised["emergency"]["senior_id"] == home["senior_id"]:
                    break
        late = (datetime.now(UTC) - alarm_at).total_seconds()
        print(f"raised {late:.1f} s after that moment: {raised['emergency']['description']}")
        assert 0 <= late <= 60
        assert "v1" in raised["emergency"]["description"]
    finally:
        living.terminate()
        living.communicate(timeout=30)


class Silence(NamedTuple):
    """A recording, and for how many hours it has to be silent for its weights to speak soon."""

    recording: Path
    hours: float


def find_silence(folder: Path) -> Silence:
    """At any hour of the day some home's events lie so that its own weights speak in three to seven minutes.

    The weights depend on the silence (they never saw it), so each candidate is fitted as training will fit it. Real
    homes come first; a night in which all of them sleep falls to residents of our generator.
    """
    now = datetime.now(UTC)
    for path in [DENSE, *sorted(HOMES.glob("*.csv.gz"))]:
        if (hours := silence_that_ends(path, now)) is not None:
            return Silence(path, hours)
    for seed in range(1, 40):
        path = folder / f"resident-{seed}.csv"
        first = now.astimezone(SEOUL).date() - timedelta(days=25)
        # one who sleeps at this hour would have been missed hours ago: let them live by another clock
        turned = timedelta(hours=6 * (seed % 4))
        life = (event._replace(timestamp=event.timestamp + turned) for event in days(seed, first, 27))
        with path.open("w", newline="") as file:
            write_recording(life, file)
        if (hours := silence_that_ends(path, now)) is not None:
            return Silence(path, hours)
    raise AssertionError("nobody's weights speak within minutes at this hour")


def silence_that_ends(path: Path, now: datetime) -> float | None:
    """The hours of silence so far for which this home's weights then raise an alarm a few minutes from now."""
    rows = [row for row in shifted(path, now) if now - timedelta(days=30) < row.timestamp <= now]
    active = sorted(
        (row.timestamp.timestamp(), sensor_key(row.sensor_id), number)
        for row in rows
        if (number := find_word(row.word)) is not None
    )
    at, sensors, words = zip(*active, strict=True)
    times = to_local(np.array(at))
    life = Life(times, np.array(sensors, dtype=np.uint32), np.array(words, dtype=np.uint8))
    local_now = float(to_local(np.array(now.timestamp())))
    soonest = local_now + PREPARATION_S + 180
    tried = float("inf")
    for last in range(len(times) - 1, 0, -1):
        if local_now - times[last] > 12 * 3600 or times[last] - times[0] < 8 * 86_400:
            return None
        if tried - times[last] < 60 or local_now - times[last] < 1700:
            continue
        tried = times[last]
        known = life.choose(np.arange(times.size) <= last)
        habits = repeat_habits(fit_habits(known).habits, 1)
        alarm = float(find_alarms(rebuild_tracks(1, hear_life(known, 0)), habits, local_now)[0])
        if soonest <= alarm <= soonest + 240:
            return float(local_now - times[last] - 1) / 3600
    return None
