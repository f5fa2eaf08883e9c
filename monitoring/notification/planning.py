"""What is to be sent by which channel, and when: rows, written in the transaction of the fact that they tell of."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, Max, OuterRef, Q
from django.db.models.functions import Least, Now

from monitoring.escalation_policies import times_of
from seniors.models import Role, StaffSenior

from .carriers import configured_kinds
from .models import Notification, NotificationEndpoint, Purpose

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import QuerySet

    from monitoring.models import AlertDelivery, EmergencyLog
    from monitoring.notice_models import Notice
    from seniors.models import Staff

RINGS_AFTER = timedelta(seconds=30)  # an open page shows it first
# somebody's safety hangs on these: they are urgent, and no quiet hours hold them
CALLS = {"check_undeliverable", "soft_alarm_call", "duty_unreachable"}
STATE = Notification.State
FAMILY = Q(staff__role=Role.GUARDIAN, staff__is_superuser=False)


def plan_alerts(
    log: EmergencyLog,
    deliveries: list[AlertDelivery],
    *,
    is_new: bool = False,
    every_channel: bool = False,
    tells_family: bool = False,
) -> None:
    """For each delivery the person's channels in their order, one after another or all of them now; and, where the
    family is told, a notice by each channel of each guardian: not of tests, and not of what can wait (`medium`).

    An alert of this emergency that still waits for a channel is taken over instead of doubled, and never becomes
    later. Raising is on the hot path: without any channel this is one look.
    """
    tells_family = tells_family and not log.test and log.severity != "medium"
    alerted = {delivery.staff_id: delivery for delivery in deliveries}
    who = Q(staff_id__in=alerted) & ~FAMILY
    if tells_family:
        mapped = StaffSenior.objects.filter(senior_id=log.senior_id, staff_id=OuterRef("staff_id"))
        who |= FAMILY & Q(Exists(mapped))
    elif not alerted:
        return
    endpoints = list(_usable().filter(who))
    if not endpoints:
        return
    wait_s = 0 if every_channel else times_of(log.senior_id, log.severity).next_channel_s
    planned: list[Notification] = []
    places: Counter[int] = Counter()
    for endpoint in endpoints:
        if endpoint.staff.is_guardian:
            planned += _notice_to_family(log, endpoint)
            continue
        delivery = alerted[endpoint.staff_id]
        places[endpoint.staff_id] += 1
        wait = timedelta(seconds=places[endpoint.staff_id] * wait_s)
        if is_new or not _take_over(log, endpoint, delivery, wait):
            planned.append(_new(endpoint, _purpose(log, delivery), wait, log=log, delivery=delivery))
    Notification.objects.bulk_create(planned)


def _purpose(log: EmergencyLog, delivery: AlertDelivery) -> str:
    """Of one that has an owner and is not over supervisors are reminded; all else is an alert."""
    reminds = log.status == "acknowledged" and delivery.reason == "escalated"
    return Purpose.REMINDER if reminds else Purpose.ALERT


def _take_over(log: EmergencyLog, endpoint: NotificationEndpoint, delivery: AlertDelivery, wait: timedelta) -> bool:
    waiting = Notification.objects.filter(
        endpoint=endpoint, log=log, purpose=_purpose(log, delivery), state=STATE.WAITING
    )
    return waiting.update(delivery=delivery, due_at=Least("due_at", Now() + wait)) > 0


def _notice_to_family(log: EmergencyLog, endpoint: NotificationEndpoint) -> list[Notification]:
    is_over = log.status == "resolved"
    if is_over and not endpoint.tells_outcomes:
        return []
    return [_new(endpoint, Purpose.GUARDIAN, log=log, values={"resolved": is_over})]


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


def _channels_of(staff_ids: list[int]) -> dict[int, list[NotificationEndpoint]]:
    """Each person's usable channels in their order. Guardians get notices of their own, never these."""
    found: dict[int, list[NotificationEndpoint]] = {}
    for endpoint in _usable().filter(~FAMILY, staff_id__in=staff_ids):
        found.setdefault(endpoint.staff_id, []).append(endpoint)
    return found


def _usable() -> QuerySet[NotificationEndpoint]:
    """Channels in use whose address is proven, of people who are active, of kinds that this installation has."""
    return NotificationEndpoint.objects.select_related("staff").filter(
        staff__is_active=True, enabled=True, verified_at__isnull=False, kind__in=configured_kinds()
    )


def _plan(endpoint: NotificationEndpoint, purpose: str, wait: timedelta = timedelta(), **fields: Any) -> Notification:
    notification = _new(endpoint, purpose, wait, **fields)
    notification.save(force_insert=True)
    return notification


def _new(endpoint: NotificationEndpoint, purpose: str, wait: timedelta = timedelta(), **fields: Any) -> Notification:
    due = Now() + wait
    return Notification(
        staff_id=endpoint.staff_id, endpoint=endpoint, kind=endpoint.kind, purpose=purpose, due_at=due, **fields
    )
