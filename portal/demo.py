"""The demo's people and homes, and the one who fell. All of it goes the ways that real data goes.

Names and addresses are invented. Nothing here writes an emergency: the model, a sensor and a hub bring them about.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from ai.calibration import fit_habits
from ai.detector import LEAST_ALLOWED
from ai.features import Life, find_word, sensor_key, to_local
from ai.habits import repeat_habits
from ai.judgement import find_alarms
from ai.tracks import hear_life, rebuild_tracks
from devices.models import IoTHub
from devices.registration import register_hub
from monitoring import sensor_events
from portal import runtime
from portal.simulation.history_import import import_recording
from portal.simulation.recordings import SEOUL, SensorEvent, write_recording
from portal.simulation.resident import days
from portal.simulation.room_clip import write_room_clip
from seniors.enrollment import enroll_senior, map_staff, set_video_consent
from seniors.models import Role, Senior, Staff

if TYPE_CHECKING:
    from collections.abc import Iterable

HISTORY_DAYS = 21
LEAST_HISTORY_DAYS = 8
FOUND_WITHIN = timedelta(minutes=1)
"""How long before the preparation the silence has outlasted what the weights allow: the first ticks find it."""


@dataclass(frozen=True)
class Account:
    email: str
    full_name: str
    role: Role
    phone: str


@dataclass(frozen=True)
class Resident:
    """`caseworker` counts in CASEWORKERS; `seed` is the life that the generator gives this person."""

    full_name: str
    address: str
    phone: str
    health: dict[str, Any]
    caseworker: int
    seed: int
    part: str = ""


SUPERVISOR = Account("supervisor@anbu.example", "정은숙", Role.SUPERVISOR, "02-555-0100")
CASEWORKERS = (
    Account("kim@anbu.example", "김수진", Role.CASEWORKER, "010-5550-0101"),
    Account("lee@anbu.example", "이민호", Role.CASEWORKER, "010-5550-0102"),
)
GUARDIAN = Account("guardian@anbu.example", "박지훈", Role.GUARDIAN, "010-5550-0103")
FELL, PRESSES, DROPS_OFF = "fell", "fall sensor", "hub off"
RESIDENTS = (
    Resident("박순례", "은빛시 가온구 느티나무길 12, 101동 304호", "02-555-0111",
             {"병력": ["고혈압", "무릎 관절염"], "복용": "혈압약 아침 1회"}, 0, 11, FELL),
    Resident("최영자", "은빛시 가온구 느티나무길 12, 102동 1105호", "02-555-0112",
             {"병력": ["골다공증"], "복용": "칼슘제"}, 0, 12, PRESSES),
    Resident("강태식", "은빛시 가온구 달맞이로 7-3", "02-555-0113",
             {"병력": ["당뇨"], "복용": "인슐린"}, 1, 13, DROPS_OFF),
    Resident("윤복동", "은빛시 가온구 달맞이로 21, 반지하", "02-555-0114", {"병력": ["난청"]}, 0, 14),
    Resident("임옥분", "은빛시 새터구 은행잎길 44, 나동 201호", "02-555-0115", {"병력": ["고혈압"]}, 0, 15),
    Resident("한상철", "은빛시 새터구 은행잎길 58", "02-555-0116", {"병력": ["심방세동"], "복용": "항응고제"}, 1, 16),
    Resident("오금순", "은빛시 새터구 물레방아길 3-1", "02-555-0117", {"병력": ["백내장 수술"]}, 1, 17),
    Resident("신동수", "은빛시 새터구 물레방아길 19", "02-555-0118", {"병력": ["만성 기관지염"]}, 0, 18),
    Resident("조말순", "은빛시 한울구 솔바람길 90, 3동 502호", "02-555-0119", {"병력": ["경도 인지 장애"]}, 1, 19),
    Resident("서정호", "은빛시 한울구 솔바람길 112", "02-555-0120", {"병력": ["허리 협착"]}, 1, 20),
)  # fmt: skip


class DemoNote:
    """What a later start of the same demo needs: log-ins, the homes' keys, and when the one who fell fell."""

    def __init__(self) -> None:
        self.path = runtime.run_dir() / "demo.json"
        self.values = runtime.read_private(self.path)

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def set(self, name: str, value: str) -> None:
        self.values[name] = value
        runtime.write_private(self.path, self.values)


def prepare_people(note: DemoNote) -> dict[str, Staff]:
    """The accounts, by e-mail; those that are there already stay as they are."""
    if note.get("password") is None:
        note.set("password", "-".join(secrets.token_hex(2) for _ in range(4)))
    people = {}
    for account in (SUPERVISOR, *CASEWORKERS, GUARDIAN):
        staff = Staff.objects.filter(email=account.email).first()
        people[account.email] = staff or Staff.objects.create_user(
            account.email, note["password"], full_name=account.full_name, role=account.role, phone=account.phone
        )
    return people


def prepare_home(resident: Resident, people: dict[str, Staff], note: DemoNote) -> IoTHub:
    """The senior, who cares for them, and a registered hub whose key the note keeps. Again, it changes nothing."""
    device_id = f"DEMO-{resident.seed:04d}"
    hub = IoTHub.objects.registered().filter(device_id=device_id).first()
    if hub is not None and note.get(device_id):
        return hub
    caseworker = people[CASEWORKERS[resident.caseworker].email]
    with transaction.atomic():
        senior = Senior.objects.filter(full_name=resident.full_name, address=resident.address).first()
        if senior is None:
            senior = enroll_senior(
                caseworker,
                full_name=resident.full_name,
                address=resident.address,
                phone=resident.phone,
                health_info=resident.health,
            )
        if resident.part == FELL:
            map_staff(people[GUARDIAN.email], senior)
            set_video_consent(senior, True, people[GUARDIAN.email])
        hub, key = register_hub(senior, device_id, caseworker)
        note.set(device_id, key.key)
    return hub


def live_history(resident: Resident, now: datetime) -> list[SensorEvent]:
    """Three weeks of this person's events up to `now`."""
    first = now.astimezone(SEOUL).date() - timedelta(days=HISTORY_DAYS)
    return [event for event in days(resident.seed, first, HISTORY_DAYS + 1) if event.timestamp <= now]


def cut_at_fall(events: list[SensorEvent], now: datetime) -> list[SensorEvent]:
    """The history up to the fall: its last event is the newest whose silence the weights would call an alarm by now.

    The weights are those that this very history teaches, so the moment of the fall depends on the person and the hour.
    """
    activity = [place for place, event in enumerate(events) if is_activity(event)]
    life = measure_life(events)
    times = life.times
    alarm_by = float(to_local(np.array((now - FOUND_WITHIN).timestamp())))
    oldest = int(np.searchsorted(times, times[0] + LEAST_HISTORY_DAYS * 86_400))
    for last in range(len(times) - 1, oldest, -1):
        if alarm_by - times[last] < LEAST_ALLOWED:
            continue
        known = life.choose(np.arange(times.size) <= last)
        habits = repeat_habits(fit_habits(known).habits, 1)
        if float(find_alarms(rebuild_tracks(1, hear_life(known, 0)), habits, alarm_by)[0]) <= alarm_by:
            return events[: activity[last] + 1]
    return events


def measure_life(events: list[SensorEvent]) -> Life:
    """The activity among these events, as the detector takes it."""
    active = [(event, word) for event in events if (word := find_word(event.event_content)) is not None]
    return Life(
        to_local(np.array([event.timestamp.timestamp() for event, _ in active])),
        np.array([sensor_key(event.sensor_id) for event, _ in active], dtype=np.uint32),
        np.array([word for _, word in active], dtype=np.uint8),
    )


def is_activity(event: SensorEvent) -> bool:
    return find_word(event.event_content) is not None


def import_history(hub: IoTHub, events: Iterable[SensorEvent]) -> int:
    """Stores a history by the code of `import_events`; returns how many events are new."""
    with tempfile.TemporaryDirectory(prefix="anbu-demo-") as folder:
        path = Path(folder) / "history.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            write_recording(events, file)
        return import_recording(hub.hub_id, path, timezone.now(), to_now=False).stored


def has_history(hub: IoTHub) -> bool:
    return sensor_events.last_event([hub.hub_id]) is not None


def write_keys_file(note: DemoNote, fell_at: datetime, *, with_incidents: bool) -> Path:
    """What `simulate_hub --keys-file` reads: ten lives, and on the first start the incidents."""
    incidents = {PRESSES: ["fall@+20s"], DROPS_OFF: ["hub_off@+30s"]} if with_incidents else {}
    lines = []
    for resident in RESIDENTS:
        plan: dict[str, Any] = {"key": note[f"DEMO-{resident.seed:04d}"], "name": resident.full_name}
        plan |= {"seed": resident.seed, "incident": incidents.get(resident.part, [])}
        if resident.part == FELL:
            plan["silent_for"] = (timezone.now() - fell_at).total_seconds() / 3600
            plan["robot_answer"] = "no_answer"
            plan["video"] = str(prepare_film())
        lines.append(json.dumps(plan, ensure_ascii=False))
    path = runtime.run_dir() / "demo-homes.jsonl"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def prepare_film() -> Path:
    """What the camera of the one who fell shows."""
    path = runtime.run_dir() / "demo-room.mp4"
    if not path.exists():
        write_room_clip(path)
    return path


def days_since_last_event(now: datetime) -> float:
    """How much of the homes' life is missing: since the newest event of any of them, at least an hour."""
    hubs = list(IoTHub.objects.registered().filter(device_id__startswith="DEMO-").values_list("hub_id", flat=True))
    last = sensor_events.last_event(hubs)
    gap = now - last.timestamp if last else timedelta(days=1)
    return max(gap + timedelta(hours=1), timedelta(hours=1)) / timedelta(days=1)
