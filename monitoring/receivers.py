"""Facts from the homes that become emergencies, or lines of one. Runs inside the transaction of the fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.dispatch import receiver
from django.utils import timezone, translation

from devices.signals import hub_went_offline, safety_check_answered, safety_check_progressed

from . import automatic_checks
from .alerting import Cause, note_safety_check, raise_emergency
from .emergency_json import moment
from .fault_alerts import watch_hub
from .models import EventType, Severity
from .ownership import note_act
from .risk_words import say_reason

if TYPE_CHECKING:
    from devices.models import IoTHub, SafetyCheck

RAISING = {"help", "no_answer"}


@receiver(hub_went_offline)
def watch_over_hub(hub: IoTHub, **kwargs: Any) -> None:
    watch_hub(hub)


@receiver(safety_check_progressed)
def note_progress(check: SafetyCheck, status: str, **kwargs: Any) -> None:
    by = check.requested_by if status == "requested" else None
    if by:
        note_act(check.senior_id, by)
    note_safety_check(check.senior_id, check.check_id, status, by)


@receiver(safety_check_answered)
def take_answer(check: SafetyCheck, answer: str, late: bool, **kwargs: Any) -> None:
    """`help` is a source of its own, whatever was answered before; `ok` is noted and resolves nothing."""
    if answer in RAISING:
        raise_emergency(_cause(check, answer))
    note_safety_check(check.senior_id, check.check_id, f"late_{answer}" if late else answer, times=_times_of(check))
    if not late:
        automatic_checks.take_answer(check, answer)


def _times_of(check: SafetyCheck) -> dict[str, str | None]:
    """When each step of the question was: the emergency may have begun only with its answer."""
    return {
        "requested_at": moment(check.requested_at),
        "delivered_at": moment(check.delivered_at),
        "answered_at": moment(check.answered_at),
    }


def _cause(check: SafetyCheck, answer: str) -> Cause:
    is_help = answer == "help"
    reason: dict[str, Any] = {"code": "check_help" if is_help else "check_no_answer", "values": {}}
    with translation.override("ko"):
        description = say_reason(reason)
    return Cause(
        senior_id=check.senior_id,
        event_type=EventType.SAFETY_CHECK_FAILED,
        source=f"check:{check.check_id}:help" if is_help else f"check:{check.check_id}",
        severity=Severity.CRITICAL if is_help else Severity.HIGH,
        description=description,
        occurred_at=timezone.now(),
        reasons=(reason,),
    )
