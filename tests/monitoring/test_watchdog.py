from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from devices import presence, safety_checks
from devices.models import IoTHub, SafetyCheck
from monitoring import escalation, watchdog
from monitoring.models import Outbox
from tests.monitoring.emergencies import kinds, make_due, raised

if TYPE_CHECKING:
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db


def moved() -> dict[str, int]:
    """What one round moved on."""
    return {name: count for name, count in watchdog.sweep().items() if count}


def test_a_round_moves_on_whatever_is_due(senior: Senior, hub: IoTHub, kim: Staff, park: Staff) -> None:
    presence.mark_post(hub.pk)
    safety_checks.request(senior, kim)
    log = raised(senior)
    make_due(log)
    past = Now() - timedelta(seconds=1)
    SafetyCheck.objects.update(expires_at=past)
    IoTHub.objects.update(silent_at=past)
    assert moved() == {"sequenced": 1, "climbed": 1, "checks_expired": 1, "hubs_silent": 1, "faults_told": 1}
    assert kinds(log) == ["raised", "escalated", "safety_check"]
    assert moved() == {"sequenced": 1}
    assert not Outbox.objects.filter(seq=None).exists()


def test_one_emergency_that_cannot_climb_holds_back_nobody_else(
    senior: Senior, kim: Staff, park: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = raised(senior), raised(senior, event_type="fire", source="panic:fire")
    make_due(stuck)
    make_due(other)
    climb = escalation.climb

    def climb_but_stuck(log_id: int) -> bool:
        if log_id == stuck.pk:
            raise ValueError("a row that no step was written for")
        return climb(log_id)

    monkeypatch.setattr(escalation, "climb", climb_but_stuck)
    assert moved()["climbed"] == 1
    assert "escalated" in kinds(other)


def test_while_the_database_is_away_it_waits_and_hubs_get_time_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds: list[str] = []

    def sweep(*, judge_hubs: bool) -> dict[str, int]:
        rounds.append("sweep")
        if len(rounds) == 2:
            raise OperationalError("the server closed the connection unexpectedly")
        return {}

    def grace(outage_s: float | None) -> int:
        rounds.append("grace")
        return 0

    monkeypatch.setattr(watchdog, "INTERVAL_S", 0.0)
    monkeypatch.setattr(watchdog, "close_old_connections", lambda: None)  # the test's own connection stays
    monkeypatch.setattr(watchdog, "sweep", sweep)
    monkeypatch.setattr(presence, "grant_grace", grace)
    watchdog.run(lambda: rounds.count("sweep") == 3)
    assert rounds == ["grace", "sweep", "grace", "sweep", "sweep"]


def test_while_hubs_cannot_reach_us_none_is_called_silent_and_all_get_time_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds: list[str] = []
    away = iter([False, True, True, False, False])

    def sweep(*, judge_hubs: bool) -> dict[str, int]:
        rounds.append("judge" if judge_hubs else "hold")
        return {}

    monkeypatch.setattr(watchdog, "INTERVAL_S", 0.0)
    monkeypatch.setattr(watchdog, "close_old_connections", lambda: None)
    monkeypatch.setattr(watchdog, "sweep", sweep)
    monkeypatch.setattr(presence, "grant_grace", lambda outage_s: rounds.append("grace"))
    watchdog.run(lambda: len(rounds) == 7, lambda: next(away))
    assert rounds == ["grace", "judge", "hold", "hold", "grace", "judge", "judge"]


def test_a_round_that_holds_leaves_silent_hubs_and_moves_on_the_rest(senior: Senior, hub: IoTHub, park: Staff) -> None:
    presence.mark_post(hub.pk)
    IoTHub.objects.update(silent_at=Now() - timedelta(seconds=1))
    make_due(raised(senior))
    done = watchdog.sweep(judge_hubs=False)
    assert (done["hubs_silent"], done["climbed"]) == (0, 1)
