"""The registry replays the last weeks before weights go live; waiting versions are judged by the days that follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from ai.excluded_spans import read_excluded_spans
from ai.model_history import activations_of, score_series
from ai.models import AIWeight
from ai.shadows import is_no_worse, run_shadows
from ai.weight_registry import active_weights, register_weights
from monitoring.models import EmergencyLog

from .rows import hours_ago, make_artifact, make_live_weights, make_senior, sense, upload

if TYPE_CHECKING:
    from seniors.models import Senior

pytestmark = [
    pytest.mark.django_db(databases=["default", "timeseries"]),
    pytest.mark.usefixtures("bucket"),
]


@pytest.fixture
def senior() -> Senior:
    """Three hours of silence, three times a day, for a fortnight."""
    senior = make_senior()
    sense(senior, [hours_ago(hours + minute / 60) for hours in range(0, 24 * 15, 4) for minute in (0, 20, 40, 59)])
    return senior


def test_weights_that_ring_again_and_again_over_the_last_weeks_are_refused_with_the_reason(senior: Senior) -> None:
    weight, _ = register_weights(upload(senior.pk, make_artifact(senior.pk, 1.5)))
    assert (weight.status, weight.is_active) == ("rejected", False)
    assert "weeks replayed" in weight.reason
    assert weight.replay["alarms"] > 10


def test_weights_that_bear_the_last_weeks_go_live_with_their_figures(senior: Senior) -> None:
    weight, _ = register_weights(upload(senior.pk, make_artifact(senior.pk, 5.0)))
    assert weight.status == "active"
    assert weight.replay["alarms"] == 0
    assert weight.replay["weeks"] == pytest.approx(2, abs=0.1)
    assert 3 < weight.replay["fall_hours"] < 6


def test_much_slower_weights_wait_behind_the_live_ones(senior: Senior) -> None:
    live = make_live_weights(senior, 5.0)
    slower, _ = register_weights(upload(senior.pk, make_artifact(senior.pk, 10.0)))
    assert slower.status == "pending"
    assert "replayed falls are found after" in slower.reason
    assert active_weights(senior.pk) == live


def test_what_a_real_emergency_was_is_not_held_against_new_weights() -> None:
    senior = make_senior()
    hours = [hours for hours in range(0, 24 * 15, 4) if not 100 < hours < 130]
    sense(senior, [hours_ago(hours + minute / 60) for hours in hours for minute in (0, 20, 40, 59)])
    EmergencyLog.objects.create(
        senior=senior,
        event_type="inactivity",
        severity="high",
        status="resolved",
        outcome="real",
        occurred_at=hours_ago(132),
        resolved_at=hours_ago(99),
    )
    weight, _ = register_weights(upload(senior.pk, make_artifact(senior.pk, 5.0)))
    assert (weight.status, weight.replay["alarms"]) == ("active", 0)
    assert read_excluded_spans([senior.pk], 14)[senior.pk].shape == (1, 2)
    EmergencyLog.objects.update(outcome="false_alarm")
    again, _ = register_weights(upload(senior.pk, make_artifact(senior.pk, 5.1)))
    assert again.replay["alarms"] == 1


def test_a_waiting_version_that_bears_a_week_no_worse_goes_live_by_itself(senior: Senior) -> None:
    live = make_live_weights(senior, 5.0)
    waiting, _ = register_weights(upload(senior.pk, make_artifact(senior.pk, 4.8)))
    AIWeight.objects.filter(pk=live.pk).update(is_active=False, status="superseded")
    AIWeight.objects.filter(pk=waiting.pk).update(is_active=False, status="pending")
    AIWeight.objects.filter(pk=live.pk).update(is_active=True, status="active")
    AIWeight.objects.filter(pk=waiting.pk).update(trained_to=timezone.now() - timedelta(days=3))
    assert run_shadows() == 0
    AIWeight.objects.filter(pk=waiting.pk).update(trained_to=timezone.now() - timedelta(days=8))
    assert run_shadows() == 1
    waiting.refresh_from_db()
    assert (waiting.status, waiting.shadow["beside"]) == ("active", live.version)
    assert "weeks in shadow" in activations_of(senior.pk)[0].reason


def test_a_shadow_is_judged_by_a_week_at_least() -> None:
    live = {"weeks": 0.5, "alarms": 1, "fall_hours": 4}
    assert not is_no_worse({"weeks": 0.5, "alarms": 0, "fall_hours": 4}, live)
    assert is_no_worse({"weeks": 1.0, "alarms": 1, "fall_hours": 4.4}, live)
    assert not is_no_worse({"weeks": 1.0, "alarms": 2, "fall_hours": 4}, live)
    assert not is_no_worse({"weeks": 1.0, "alarms": 1, "fall_hours": 5}, live)


def test_the_score_over_weeks_is_told_half_hour_by_half_hour(senior: Senior) -> None:
    assert score_series(senior.pk) is None
    weight = make_live_weights(senior, 5.0)
    series = score_series(senior.pk, days=2)
    assert series is not None
    assert series.version == weight.version
    assert len(series.at) == len(series.score) == pytest.approx(96, abs=2)
    assert 0.4 < max(series.score) < 1
    assert series.alarms == []
    assert series.at[0] > datetime.now(UTC) - timedelta(days=2, hours=1)
