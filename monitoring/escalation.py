"""The climb of an emergency that nobody has: its place on the ladder, and when it goes on from there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now

from .escalation_policies import times_of
from .ladder import Rung, next_step
from .models import EmergencyLog
from .outbox import announce
from .recipients import first_reached, on_rung
from .transitions import record_transition

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

    from seniors.models import Staff

LATE = timedelta(seconds=10)
# a sweep that comes a second late must not make every later step later still; after an outage it goes on from now
DUE = Greatest(F("step_due_at"), Now() - LATE)


@transaction.atomic
def climb(log_id: int) -> bool:
    """Takes the ladder's next step, if it is due: alerts the next rung that has somebody on it. False if not due."""
    log = (
        EmergencyLog.objects.select_for_update(skip_locked=True)
        .filter(pk=log_id, status=EmergencyLog.Status.OPEN, step_due_at__lte=Now())
        .first()
    )
    if log is None:
        return False
    rung = next_step(times_of(log.senior_id, log.severity), log.rung).rung
    if rung == Rung.SECOND and not on_rung(log.senior_id, rung):
        set_step(log, rung, since=DUE)  # the supervisors' time stays what it is
    else:
        step_up(log, since=DUE)
    return True


@transaction.atomic
def climb_now(log_id: int) -> bool:
    """Takes the next step before its time, since the robot could not ask. False when somebody has the emergency."""
    log = EmergencyLog.objects.select_for_update().filter(pk=log_id, status=EmergencyLog.Status.OPEN).first()
    if log is None:
        return False
    step_up(log)
    return True


def due_to_climb(limit: int = 100) -> list[int]:
    """Emergencies whose next step is due by the database's clock."""
    due = EmergencyLog.objects.filter(status=EmergencyLog.Status.OPEN, step_due_at__lte=Now()).order_by("step_due_at")
    return list(due.values_list("log_id", flat=True)[:limit])


def step_up(log: EmergencyLog, since: Combinable | None = None) -> None:
    """Alerts the next rung that has somebody on it, now; `since` as in `set_step`."""
    rung, people = first_occupied(log, next_step(times_of(log.senior_id, log.severity), log.rung).rung)
    set_step(log, rung, since)
    record_transition(log, "escalated", rung=Rung(rung).name.lower(), staff_ids=[person.pk for person in people])
    announce(log, "changed", alert=people, reason="escalated", every_channel=rung == Rung.EVERYBODY)


def first_occupied(log: EmergencyLog, rung: int) -> tuple[int, list[Staff]]:
    """`rung`, or the next one that has anybody on it: an empty one is skipped at once."""
    return first_reached(log.senior_id, rung)


def set_step(log: EmergencyLog, rung: int, since: Combinable | None = None) -> None:
    """Its place on the ladder; the step after it is due from `since` (now) on."""
    wait = wait_on(log.senior_id, log.severity, rung)
    EmergencyLog.objects.filter(pk=log.pk).update(rung=rung, step_due_at=(since or Now()) + wait)


def wait_on(senior_id: int, severity: str, rung: int) -> timedelta:
    """How long an emergency stays on a rung."""
    return timedelta(seconds=next_step(times_of(senior_id, severity), rung).wait_s)


def hasten_step(log: EmergencyLog) -> None:
    """Graver than it was, it climbs as fast as its new severity wants, from now on."""
    wait = timedelta(seconds=next_step(times_of(log.senior_id, log.severity), log.rung).wait_s)
    EmergencyLog.objects.filter(pk=log.pk, step_due_at__gt=Now() + wait).update(step_due_at=Now() + wait)
