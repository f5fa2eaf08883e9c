from __future__ import annotations

import json
import stat
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from ai.calibration import fit_habits
from ai.habits import repeat_habits
from ai.judgement import find_alarms
from ai.tracks import hear_life, rebuild_tracks
from devices.models import HubKey, IoTHub
from monitoring.models import EmergencyLog, SensorLog
from portal import demo
from seniors.models import Staff

if TYPE_CHECKING:
    from pathlib import Path

    from portal.simulation.recordings import SensorEvent

SEOUL = ZoneInfo("Asia/Seoul")
FALLEN = next(resident for resident in demo.RESIDENTS if resident.part == demo.FELL)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBU_DATA", str(tmp_path))


def alarm_after(events: list[SensorEvent]) -> datetime:
    """When the weights that this history teaches call its last silence an alarm."""
    life = demo.measure_life(events)
    habits = repeat_habits(fit_habits(life).habits, 1)
    alarm = find_alarms(rebuild_tracks(1, hear_life(life, 0)), habits, float(life.times[-1]))
    return datetime.fromtimestamp(float(alarm[0]) - 9 * 3600, SEOUL)


@pytest.mark.parametrize("hour", [3, 9, 14, 20])
def test_the_fall_is_as_long_ago_as_that_person_s_weights_need_at_this_hour(hour: int) -> None:
    now = datetime(2026, 11, 24, hour, 17, tzinfo=SEOUL)
    events = demo.cut_at_fall(demo.live_history(FALLEN, now), now)
    assert alarm_after(events) <= now - demo.FOUND_WITHIN
    assert now - events[-1].timestamp < timedelta(hours=14)
    assert events[-1].timestamp - events[0].timestamp > timedelta(days=18)


def test_a_history_ends_now_and_is_three_weeks_long() -> None:
    now = datetime(2026, 11, 24, 11, 0, tzinfo=SEOUL)
    events = demo.live_history(demo.RESIDENTS[3], now)
    assert now - timedelta(hours=12) < events[-1].timestamp <= now
    assert (events[-1].timestamp - events[0].timestamp).days in (20, 21)


@pytest.mark.django_db(databases=["default", "timeseries"])
def test_preparing_twice_makes_nothing_twice_and_writes_no_emergency() -> None:
    note = demo.DemoNote()
    for _ in range(2):
        people = demo.prepare_people(note)
        hubs = [demo.prepare_home(resident, people, note) for resident in demo.RESIDENTS[:2]]
    now = timezone.now()
    events = [event for event in demo.live_history(demo.RESIDENTS[0], now) if now - event.timestamp < timedelta(days=2)]
    assert demo.import_history(hubs[0], events) == len(events)
    assert demo.import_history(hubs[0], events) == 0
    assert (Staff.objects.count(), IoTHub.objects.count(), HubKey.objects.count()) == (4, 2, 2)
    assert SensorLog.objects.filter(hub_id=hubs[0].hub_id).count() == len(events)
    assert not EmergencyLog.objects.exists()


def test_keys_and_passwords_are_kept_for_their_owner_alone(db: None) -> None:
    note = demo.DemoNote()
    people = demo.prepare_people(note)
    for resident in demo.RESIDENTS:
        demo.prepare_home(resident, people, note)
    path = demo.write_keys_file(note, timezone.now() - timedelta(hours=3), with_incidents=True)
    for private in (note.path, path):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    plans = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(plans) == 10
    assert [plan["incident"] for plan in plans if plan["incident"]] == [["fall@+20s"], ["hub_off@+30s"]]
    assert [round(plan["silent_for"], 1) for plan in plans if "silent_for" in plan] == [3.0]


def test_a_later_start_lets_nobody_fall_again(db: None) -> None:
    note = demo.DemoNote()
    people = demo.prepare_people(note)
    for resident in demo.RESIDENTS:
        demo.prepare_home(resident, people, note)
    path = demo.write_keys_file(note, timezone.now(), with_incidents=False)
    assert all(not json.loads(line)["incident"] for line in path.read_text(encoding="utf-8").splitlines())
