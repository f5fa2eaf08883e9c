"""Facts from the homes that become emergencies, or lines of one. Runs inside the transaction of the fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.dispatch import receiver
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from devices.signals import hub_went_offline, safety_check_answered, safety_check_progressed

from . import automatic_checks
from .alerting import Cause, note_safety_check, raise_emergency
from .fault_alerts import watch_hub
from .models import EventType, Severity
from .ownership import note_act

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
    note_safety_check(check.senior_id, check.check_id, f"late_{answer}" if late else answer)
    if not late:
        automatic_checks.take_answer(check, answer)


def _cause(check: SafetyCheck, answer: str) -> Cause:
    is_help = answer == "help"
    with translation.override("ko"):
        description = (
            _("로봇의 안전 확인에 도움을 청했습니다.") if is_help else _("로봇의 안전 확인에 대답이 없습니다.")
        )
    return Cause(
        senior_id=check.senior_id,
        event_type=EventType.SAFETY_CHECK_FAILED,
        source=f"check:{check.check_id}:help" if is_help else f"check:{check.check_id}",
        severity=Severity.CRITICAL if is_help else Severity.HIGH,
        description=description,
        occurred_at=timezone.now(),
    )
