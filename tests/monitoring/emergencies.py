"""Emergencies as the product raises them, and the moving of their due times and ends, as only a test may."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models.functions import Now

from monitoring.alerting import Cause, raise_emergency
from monitoring.models import EmergencyLog, EmergencyTransition

if TYPE_CHECKING:
    from seniors.models import Senior

_numbers = itertools.count(1)


def cause(senior: Senior, **fields: Any) -> Cause:
    """A detector's finding of inactivity, of a source that nobody knows yet."""
    defaults = {
        "senior_id": senior.pk,
        "event_type": "inactivity",
        "source": f"source {next(_numbers)}",
        "severity": "high",
        "description": "3시간째 움직임이 없습니다.",
        "occurred_at": datetime.now(UTC),
    }
    return Cause(**{**defaults, **fields})


def raised(senior: Senior, **fields: Any) -> EmergencyLog:
    return EmergencyLog.objects.get(pk=raise_emergency(cause(senior, **fields)).log_id)


def again(log: EmergencyLog, **fields: Any) -> EmergencyLog:
    """The emergency after another cause of its type."""
    raise_emergency(cause(log.senior, **{"event_type": log.event_type, **fields}))
    log.refresh_from_db()
    return log


def kinds(log: EmergencyLog) -> list[str]:
    return list(EmergencyTransition.objects.filter(log=log).order_by("id").values_list("kind", flat=True))


def let_pass(log: EmergencyLog, column: str, **span: float) -> None:
    """Moves a time of the emergency back, as if `span` had gone by."""
    EmergencyLog.objects.filter(pk=log.pk).update(**{column: Now() - timedelta(**span)})


def make_due(log: EmergencyLog) -> None:
    let_pass(log, "step_due_at", milliseconds=1)


def due_in_s(log: EmergencyLog) -> float:
    """Seconds from now to the ladder's next step."""
    log.refresh_from_db()
    assert log.step_due_at is not None
    return (log.step_due_at - datetime.now(UTC)).total_seconds()
