"""Safety checks: one question to the senior through the robot, with a deadline of the database's clock.

    requested -> delivered -> ok | help | no_answer
    requested -> undeliverable            (nobody fetched it before the deadline)

The first answer holds. A help is heard at any time, once; a later ok is noted and changes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext

from . import faults, hints
from .models import Fault, IoTHub, SafetyCheck
from .signals import safety_check_answered, safety_check_progressed

if TYPE_CHECKING:
    from seniors.models import Senior, Staff

Answer = Literal["ok", "help", "no_answer"]
Status = SafetyCheck.Status
LIFETIME = timedelta(seconds=90)
SWEEP_MAX = 100


class NoHub(LookupError):
    """The senior has no registered hub that could ask."""


class UnknownCheck(LookupError):
    """There is no such check for this hub."""


def request(senior: Senior, by: Staff | None) -> SafetyCheck:
    """Asks the robot to ask `senior`. A check that is still running is returned again. Raises NoHub."""
    for _attempt in range(3):
        try:
            return _request(senior, by)
        except IntegrityError:
            continue  # somebody asked at the same moment: theirs is the running one
    return _request(senior, by)


def mark_delivered(check_id: int, hub_id: int) -> None:
    """The robot has the question. Repeated or late, it changes nothing. Raises UnknownCheck."""
    with transaction.atomic():
        delivered = SafetyCheck.objects.filter(
            pk=check_id, hub_id=hub_id, status=Status.REQUESTED, expires_at__gt=Now()
        ).update(status=Status.DELIVERED, delivered_at=Now(), changed_at=Now())
        check = _check_of(check_id, hub_id)
        if delivered:
            faults.clear_fault(hub_id, Fault.Kind.CHECK_UNDELIVERABLE)
            safety_check_progressed.send(sender=SafetyCheck, check=check, status=check.status)
            hints.send_hint_on_commit(hints.STAFF_FEED)


@transaction.atomic
def record_answer(check_id: int, hub_id: int, answer: Answer) -> None:
    """What the senior said, or that nothing was heard. Raises UnknownCheck."""
    check = _check_of(check_id, hub_id, lock=True)
    row = SafetyCheck.objects.filter(pk=check_id)
    help_now = {"help_at": Now()} if answer == "help" else {}
    in_time = row.filter(status__in=SafetyCheck.RUNNING, expires_at__gt=Now())
    if in_time.update(status=answer, answered_at=Now(), changed_at=Now(), **help_now):
        _announce(check_id, answer)
        if check.status == Status.REQUESTED:
            faults.clear_fault(hub_id, Fault.Kind.CHECK_UNDELIVERABLE)
        return
    _expire(check_id)
    if answer == "help":
        _hear_late_help(check_id)
    elif answer == "ok" and row.filter(late_ok_at=None).exclude(status=Status.OK).update(late_ok_at=Now()):
        _announce(check_id, answer, late=True)


def expire_due() -> list[SafetyCheck]:
    """Ends the running checks whose deadline has passed: delivered ones as no_answer, the others as undeliverable.

    Returns them, at most 100 at a time. One transaction each, signal included.
    """
    due = SafetyCheck.objects.filter(status__in=SafetyCheck.RUNNING, expires_at__lte=Now()).order_by("expires_at")
    check_ids = due.values_list("pk", flat=True)[:SWEEP_MAX]
    return [check for check_id in list(check_ids) if (check := _expire(check_id))]


@transaction.atomic
def _request(senior: Senior, by: Staff | None) -> SafetyCheck:
    hub = IoTHub.objects.filter(senior=senior, deregistered_at=None).first()
    if hub is None:
        raise NoHub(f"senior {senior.pk} has no registered hub")
    running = SafetyCheck.objects.filter(hub=hub, status__in=SafetyCheck.RUNNING)
    if check := running.filter(expires_at__gt=Now()).first():
        return check
    for overdue in running:
        _expire(overdue.pk)
    with translation.override("ko"):
        prompt = gettext("%(name)s 님, 괜찮으세요? 도움이 필요하면 말씀해 주세요.") % {"name": senior.full_name}
    check = SafetyCheck.objects.create(
        senior=senior, hub=hub, prompt=prompt[:200], requested_by=by, expires_at=Now() + LIFETIME
    )
    check.refresh_from_db()
    safety_check_progressed.send(sender=SafetyCheck, check=check, status=check.status)
    for channel in (hints.HUB_LINK, hints.STAFF_FEED):
        hints.send_hint_on_commit(channel)
    return check


@transaction.atomic
def _expire(check_id: int) -> SafetyCheck | None:
    """None when the check has ended already, is not due, or is being written by somebody else."""
    overdue = SafetyCheck.objects.filter(pk=check_id, status__in=SafetyCheck.RUNNING, expires_at__lte=Now())
    check = overdue.select_for_update(skip_locked=True, of=("self",)).first()
    if check is None:
        return None
    ending = Status.NO_ANSWER if check.status == Status.DELIVERED else Status.UNDELIVERABLE
    overdue.update(status=ending, changed_at=Now())
    if ending == Status.UNDELIVERABLE:
        faults.raise_fault(check.hub_id, Fault.Kind.CHECK_UNDELIVERABLE)
    _announce(check_id, ending)
    check.refresh_from_db()
    return check


def _hear_late_help(check_id: int) -> None:
    """Raises once. An answer that was given stands; a mere expiry gives way to what was said after all."""
    heard = SafetyCheck.objects.filter(pk=check_id, help_at=None).update(help_at=Now(), changed_at=Now())
    if heard:
        SafetyCheck.objects.filter(pk=check_id, answered_at=None).update(status=Status.HELP, answered_at=Now())
        _announce(check_id, "help")


def _announce(check_id: int, answer: str, *, late: bool = False) -> None:
    check = SafetyCheck.objects.get(pk=check_id)
    safety_check_answered.send(sender=SafetyCheck, check=check, answer=str(answer), late=late)
    hints.send_hint_on_commit(hints.STAFF_FEED)


def _check_of(check_id: int, hub_id: int, *, lock: bool = False) -> SafetyCheck:
    checks = SafetyCheck.objects.filter(pk=check_id, hub_id=hub_id)
    check = (checks.select_for_update(of=("self",)) if lock else checks).first()
    if check is None:
        raise UnknownCheck(f"hub {hub_id} was not asked check {check_id}")
    return check
