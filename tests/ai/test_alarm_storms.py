"""Weights that ring without end go out of service by themselves, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from ai.alarm_storms import end_storms
from ai.models import WeightActivation
from ai.weight_registry import active_weights, register_weights
from monitoring.models import EmergencyLog, EmergencySource

from .rows import make_artifact, make_live_weights, make_senior, upload

if TYPE_CHECKING:
    from ai.models import AIWeight
    from seniors.models import Senior

pytestmark = [pytest.mark.django_db(databases=["default", "timeseries"]), pytest.mark.usefixtures("bucket")]

START = datetime(2026, 11, 20, tzinfo=UTC)


def ring(
    senior: Senior,
    *starts: int,
    stage: int = 1,
    outcome: str = "false_alarm",
    event_type: str = "inactivity",
    test: bool = False,
) -> EmergencyLog:
    """One resolved emergency, with an episode for each start (hours)."""
    emergency = EmergencyLog.objects.create(
        senior=senior,
        event_type=event_type,
        severity="high",
        occurred_at=START,
        status="resolved",
        outcome=outcome,
        test=test,
    )
    for hour in starts:
        source = f"{senior.pk}:{event_type}:{(START + timedelta(hours=hour)).isoformat()}:{stage}"
        EmergencySource.objects.create(source=source, log=emergency, severity="high", received_at=timezone.now())
    return emergency


@pytest.fixture
def senior() -> Senior:
    return make_senior()


@pytest.fixture
def versions(senior: Senior) -> tuple[AIWeight, AIWeight]:
    """Two that were live one after the other."""
    return make_live_weights(senior, 2.0), make_live_weights(senior, 3.0)


def test_three_different_episodes_within_a_day_put_the_version_before_back_to_work(
    senior: Senior, versions: tuple[AIWeight, AIWeight]
) -> None:
    ring(senior, 1, 5)
    assert end_storms() == 0
    ring(senior, 9, event_type="no_wake_up")
    assert end_storms() == 1
    assert active_weights(senior.pk) == versions[0]
    activation = WeightActivation.objects.filter(senior=senior).latest("pk")
    assert (activation.by, activation.reason) == (None, "alarm storm: 3 alarms within a day")
    assert end_storms() == 0


def test_one_long_silence_is_one_episode_however_far_it_rises(
    senior: Senior, versions: tuple[AIWeight, AIWeight]
) -> None:
    for stage in range(4):
        ring(senior, 1, stage=stage)
    assert end_storms() == 0


def test_alarms_of_which_one_was_real_are_no_storm(senior: Senior, versions: tuple[AIWeight, AIWeight]) -> None:
    ring(senior, 1, 2, 3)
    ring(senior, 4, outcome="real")
    assert end_storms() == 0
    assert active_weights(senior.pk) == versions[1]


def test_tests_and_panic_buttons_are_nothing_that_weights_said(
    senior: Senior, versions: tuple[AIWeight, AIWeight]
) -> None:
    ring(senior, 1, 2, 3, test=True)
    ring(senior, 4, 5, 6, event_type="sos")
    assert end_storms() == 0


def test_alarms_from_before_the_weights_went_live_do_not_count(
    senior: Senior, versions: tuple[AIWeight, AIWeight]
) -> None:
    ring(senior, 1, 2, 3)
    EmergencySource.objects.update(received_at=timezone.now() - timedelta(hours=2))
    assert end_storms() == 0


def test_weights_that_were_rolled_back_once_are_nobodys_refuge(
    senior: Senior, versions: tuple[AIWeight, AIWeight]
) -> None:
    ring(senior, 1, 2, 3)
    end_storms()
    third, _ = register_weights(upload(senior.pk, make_artifact(senior.pk, 4.0)))
    ring(senior, 21, 22, 23)
    assert third.is_active
    assert end_storms() == 1
    assert active_weights(senior.pk) == versions[0]


def test_with_nothing_to_go_back_to_the_weights_stay_and_the_operators_hear_of_it(
    senior: Senior, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("ai.alarm_storms.tell_operators", lambda code, text: told.append(text))
    only = make_live_weights(senior, 2.0)
    ring(senior, 1, 2, 3)
    assert end_storms() == 0
    assert active_weights(senior.pk) == only
    assert "there is no version to go back to" in told[0]
