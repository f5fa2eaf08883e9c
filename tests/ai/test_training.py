"""From events to live weights, through the real object store and the real registration endpoint."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from ai.backend_client import BackendClient
from ai.features import to_epoch
from ai.models import AIWeight
from ai.service_accounts import issue_service_account
from ai.training import read_trainable_seniors, train_seniors
from monitoring.models import EmergencyLog

from .homes import MONDAY, live_days
from .rows import hours_ago, make_live_weights, make_senior, sense

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

    from seniors.models import Senior

    from .backend_double import BackendDouble

pytestmark = [
    pytest.mark.django_db(databases=["default", "timeseries"], transaction=True),
    pytest.mark.usefixtures("bucket"),
]


@pytest.fixture
def registry(live_server: LiveServer) -> BackendClient:
    return BackendClient(live_server.url, issue_service_account("training-1"))


def live_up_to_now(senior: Senior, days: int) -> None:
    """Gives the senior's home ordinary days of which the last one ends about now."""
    times = to_epoch(live_days(days))
    start = datetime.now(UTC) - timedelta(days=days)
    shift = start.timestamp() - float(to_epoch(live_days(1) * 0 + MONDAY)[0])
    sense(senior, [datetime.fromtimestamp(float(at) + shift, UTC) for at in times])


def test_a_home_with_history_gets_live_weights(registry: BackendClient, bucket: Any) -> None:
    senior = make_senior()
    live_up_to_now(senior, 20)
    (outcome,) = train_seniors([senior.pk], registry)
    assert (outcome.status, outcome.version) == ("active", 1)
    weight = AIWeight.objects.get(senior=senior)
    assert weight.is_active
    assert weight.storage_path == f"weights/{senior.pk}/{weight.sha256[:16]}.anbu"
    assert bucket.Object(weight.storage_path).content_length == weight.size
    assert weight.metrics["days"] >= 20
    assert weight.trained_to - weight.trained_from > timedelta(days=18)


def test_training_again_without_new_events_is_the_same_version(registry: BackendClient) -> None:
    senior = make_senior()
    live_up_to_now(senior, 10)
    outcomes = [train_seniors([senior.pk], registry)[0] for _ in range(2)]
    assert [outcome.version for outcome in outcomes] == [1, 1]


def test_a_home_of_a_few_days_is_skipped_and_says_so(registry: BackendClient) -> None:
    fresh, old = make_senior(), make_senior("이영희")
    live_up_to_now(fresh, 3)
    live_up_to_now(old, 10)
    skipped, trained = train_seniors([fresh.pk, old.pk], registry)
    assert skipped.status == "skipped"
    assert "7 are needed" in skipped.reason
    assert trained.status == "active"


def test_a_backend_that_is_away_is_a_failure_to_be_tried_again(backend: BackendDouble) -> None:
    senior = make_senior()
    live_up_to_now(senior, 10)
    backend.answer = (503, b"{}")
    assert train_seniors([senior.pk], backend.client())[0].status == "failed"
    backend.answer = (422, b'{"code": "unreadable"}')
    assert train_seniors([senior.pk], backend.client())[0].status == "skipped"


def test_everybody_who_ever_had_a_hub_can_be_trained() -> None:
    with_hub = make_senior()
    make_senior("이영희", status=None)
    assert read_trainable_seniors() == [with_hub.pk]


def test_the_weights_of_a_senior_can_be_looked_into() -> None:
    senior = make_senior()
    make_live_weights(senior, 2.0)
    last = hours_ago(1)
    sense(senior, [last])
    out = StringIO()
    call_command("show_weights", str(senior.pk), "--json", stdout=out)
    shown = json.loads(out.getvalue())
    assert shown["allowed_s"] == [7200.0] * 24
    assert shown["longest_s"] == [3600.0] * 24
    assert shown["allowed_now_s"] == 7200.0
    assert 3600 <= shown["silent_s"] < 3660
    alarm = datetime.fromisoformat(shown["alarm_at"])
    assert abs(alarm - last - timedelta(hours=2)) < timedelta(milliseconds=2)
    plain = StringIO()
    call_command("show_weights", str(senior.pk), stdout=plain)
    assert "allowed now  2:00:00" in plain.getvalue()


def test_looking_into_weights_that_are_not_there_says_what_to_do() -> None:
    senior = make_senior()
    with pytest.raises(CommandError, match=f"train_weights --senior {senior.pk}"):
        call_command("show_weights", str(senior.pk))


def test_training_somebody_without_a_hub_says_why_not() -> None:
    with pytest.raises(CommandError, match="No hub was ever registered for senior 4242"):
        call_command("train_weights", "--senior", "4242")
    with pytest.raises(CommandError, match="register one, then train"):
        call_command("train_weights")


def test_days_of_a_real_emergency_teach_nothing(registry: BackendClient) -> None:
    senior = make_senior()
    live_up_to_now(senior, 20)
    EmergencyLog.objects.create(
        senior=senior,
        event_type="inactivity",
        severity="high",
        status="resolved",
        outcome="real",
        occurred_at=hours_ago(24 * 8),
        resolved_at=hours_ago(24 * 6),
    )
    train_seniors([senior.pk], registry)
    metrics = AIWeight.objects.get(senior=senior).metrics
    assert 16 <= metrics["days"] <= 18
