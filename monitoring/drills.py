"""Alarm drills: an emergency that goes the whole way, to everybody concerned, and says of itself that it is a drill."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from seniors.models import Senior

from .alerting import AnotherUnresolved, Cause, raise_emergency
from .models import EmergencyLog, EventType, Severity


@transaction.atomic
def start_drill(senior_id: int) -> int:
    """Raises a drill about that senior and returns its log_id. It climbs the ladder like any other; a real press makes
    a real emergency of it. Raises AnotherUnresolved where a real one stands (a drill must never be mixed into it),
    UnknownSenior."""
    Senior.objects.select_for_update(no_key=True).filter(pk=senior_id).first()
    unresolved = EmergencyLog.objects.unresolved().filter(senior_id=senior_id, event_type=EventType.SOS)
    if unresolved.exists():
        raise AnotherUnresolved("this senior has an unresolved emergency call; a drill waits until it is resolved")
    with translation.override(settings.LANGUAGE_CODE):  # what is stored is for everybody
        description = _("알림 훈련입니다. 실제처럼 접수하고 결과를 ‘시험’으로 종료해 주세요.")
    cause = Cause(
        senior_id=senior_id,
        event_type=EventType.SOS,
        source=f"drill:{uuid.uuid4()}",
        severity=Severity.CRITICAL,
        description=description,
        occurred_at=timezone.now(),
        is_drill=True,
    )
    return raise_emergency(cause).log_id
