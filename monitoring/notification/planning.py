"""What is to be sent by which channel, and when: rows, written in the transaction of the fact that they tell of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Max
from django.db.models.functions import Least, Now

from seniors.models import Role, Staff

from .carriers import configured_kinds
from .models import Notification, NotificationEndpoint, Purpose

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from monitoring.models import AlertDelivery, EmergencyLog
    from monitoring.notice_models import Notice

RINGS_AFTER = timedelta(seconds=30)  # an open page shows it first
# somebody's safety hangs on these: they are urgent, and no quiet hours hold them
CALLS = {"check_undeliverable", "soft_alarm_call", "duty_unreachable"}
STATE = Notification.State


def plan_alerts(log: EmergencyLog, deliveries: Iterable[AlertDelivery], wait_s: int) -> None:
    """For each delivery the person's channels in their order, `wait_s` apart; 0 is all of them now.

    A message about the same emergency that still waits for that channel is taken over instead of doubled, and never
    becomes later.
    """
    ways = _channels_of([delivery.staff_id for delivery in deliveries])
    for delivery in deliveries:
        reminds = log.status == "acknowledged" and delivery.reason == "escalated"
        purpose = Purpose.REMINDER if reminds else Purpose.ALERT
        for place, endpoint in enumerate(ways.get(delivery.staff_id, []), start=1):
            wait = timedelta(seconds=place * wait_s)
            about = {"staff_id": delivery.staff_id, "endpoint": endpoint, "log": log, "purpose": purpose}
            waiting = Notification.objects.filter(**about, state=STATE.WAITING)
            if not waiting.update(delivery=delivery, due_at=Least("due_at", Now() + wait)):
                _plan(endpoint, purpose, wait, log=log, delivery=delivery)


def plan_question(log: EmergencyLog, owner: Staff | None, expires_at: datetime | None) -> None:
    """Asks the owner whether they are still on it, by every channel at once: there is a minute to answer."""
    for endpoint in _channels_of([owner.pk]).get(owner.pk, []) if owner else []:
        _plan(endpoint, Purpose.ASK, log=log, expires_at=expires_at)


def plan_notices(notices: Iterable[Notice]) -> None:
    """What is no emergency goes to the person's first channel: at once, or, where it rings on an open page, later.

    Of faults a person may have some channels spared; to whoever is asked to call a senior every channel is open.
    """
    notices = list(notices)
    ways = _channels_of([notice.staff_id for notice in notices])
    for notice in notices:
        purpose = Purpose.CALL if notice.kind in CALLS else Purpose.NOTICE
        usable = [one for one in ways.get(notice.staff_id, []) if purpose == Purpose.CALL or one.tells_faults]
        for endpoint in usable[:1]:
            _plan(endpoint, purpose, RINGS_AFTER if notice.rings else timedelta(), notice=notice)


def plan_guardian_notices(log: EmergencyLog, *, resolved: bool = False) -> None:
    """Tells the family, by each of their channels, that something happened or, where they want to know, that it ended.

    Not of tests, and not of what can wait (`medium`)."""
    if log.test or log.severity == "medium":
        return
    family = Staff.objects.filter(
        role=Role.GUARDIAN, is_superuser=False, is_active=True, mappings__senior_id=log.senior_id
    )
    ways = _channels_of(list(family.values_list("pk", flat=True)), guardians=True)
    for endpoint in (endpoint for endpoints in ways.values() for endpoint in endpoints):
        if not resolved or endpoint.tells_outcomes:
            _plan(endpoint, Purpose.GUARDIAN, log=log, values={"resolved": resolved})


def plan_taken(log: EmergencyLog, but: Staff | None) -> None:
    """Where a push message about it lies on a screen, it is replaced by word that somebody has it."""
    sent = Notification.objects.filter(log=log, purpose=Purpose.ALERT, kind="web_push", state=STATE.SENT)
    last = sent.aggregate(at=Max("sent_at"))["at"]
    if last is None or Notification.objects.filter(log=log, purpose=Purpose.TAKEN, created_at__gte=last).exists():
        return
    shown = NotificationEndpoint.objects.filter(pk__in=sent.values("endpoint_id"), enabled=True)
    for endpoint in shown.exclude(staff=but) if but else shown:
        _plan(endpoint, Purpose.TAKEN, log=log)


def plan_test(endpoint: NotificationEndpoint) -> Notification:
    return _plan(endpoint, Purpose.TEST)


def plan_code(endpoint: NotificationEndpoint, code: str, expires_at: datetime) -> Notification:
    return _plan(endpoint, Purpose.CODE, values={"code": code}, expires_at=expires_at)


def has_channel(staff_id: int) -> bool:
    """Whether that person can be reached beyond an open page."""
    return bool(_channels_of([staff_id]).get(staff_id))


def _channels_of(staff_ids: list[int], *, guardians: bool = False) -> dict[int, list[NotificationEndpoint]]:
    """Each person's usable channels in their order. Guardians get notices, never alerts."""
    usable = NotificationEndpoint.objects.filter(
        staff_id__in=staff_ids,
        staff__is_active=True,
        enabled=True,
        verified_at__isnull=False,
        kind__in=configured_kinds(),
    )
    are_family = {"staff__role": Role.GUARDIAN, "staff__is_superuser": False}
    found: dict[int, list[NotificationEndpoint]] = {}
    for endpoint in usable.filter(**are_family) if guardians else usable.exclude(**are_family):
        found.setdefault(endpoint.staff_id, []).append(endpoint)
    return found


def _plan(endpoint: NotificationEndpoint, purpose: str, wait: timedelta = timedelta(), **fields: Any) -> Notification:
    return Notification.objects.create(
        staff_id=endpoint.staff_id,
        endpoint=endpoint,
        kind=endpoint.kind,
        purpose=purpose,
        due_at=Now() + wait,
        **fields,
    )
