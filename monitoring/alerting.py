"""The life of an emergency: raised, acknowledged by an owner, resolved. The only writer of `emergency_logs`.

Each transition is a conditional UPDATE, an append-only row and an outbox row in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from seniors.models import Senior

from . import severity as severities
from .ladder import Rung, next_step
from .models import AlertDelivery, EmergencyLog, EmergencySource, EmergencyTransition, Outcome
from .outbox import announce
from .recipients import end_grants, on_rung

if TYPE_CHECKING:
    from datetime import datetime

    from seniors.models import Staff

Status = EmergencyLog.Status
REOPENS_AFTER = timedelta(minutes=30)
LASTING_AFTER_RESOLUTION = timedelta(hours=6)
LASTING_AFTER_FALSE_ALARM = timedelta(hours=2)
TEST_LASTS = timedelta(seconds=60)


class UnknownSenior(LookupError):
    """Nobody has that senior_id: what came cannot be raised, now or later."""


class AlreadyResolved(Exception):
    """The emergency is over; its outcome stands."""


@dataclass(frozen=True)
class Cause:
    """What was found or pressed. `source` is its key: the same one raises once, however often it comes."""

    senior_id: int
    event_type: str
    source: str
    severity: str
    description: str
    occurred_at: datetime
    detected_at: datetime | None = None  # None: now
    weight_id: int | None = None
    tested_by: Staff | None = None  # it comes of that person's installation test, and rings them first
    is_panic: bool = False
    is_episode: bool = False
    stage: int = 0  # of an episode; a higher one is a source of its own and alerts afresh
    home_is_silent: bool = False  # no event since the emergency of this episode was resolved


@dataclass(frozen=True)
class Raising:
    log_id: int
    changed: bool  # False: the source was known, nothing happened


@transaction.atomic
def raise_emergency(cause: Cause) -> Raising:
    """Opens an emergency, or adds a new source to the senior's unresolved one of that type. Raises UnknownSenior."""
    # one at a time for a senior: two causes at once must find each other's emergency
    if not Senior.objects.select_for_update(no_key=True).filter(pk=cause.senior_id).exists():
        raise UnknownSenior(f"there is no senior {cause.senior_id}")
    known = EmergencySource.objects.select_related("log").filter(source=cause.source).first()
    if known and not _lasts_on(cause, known.log):
        return Raising(known.log_id, changed=False)
    grade = severities.at_least(cause.event_type, cause.severity)
    log = EmergencyLog.objects.filter(
        senior_id=cause.senior_id, event_type=cause.event_type, status__in=EmergencyLog.UNRESOLVED
    ).first()
    if log is None:
        log = _open(cause, grade)
    else:
        _add_source(log, cause, grade)
    EmergencySource.objects.update_or_create(source=cause.source, defaults={"log": log, "severity": grade})
    return Raising(log.log_id, changed=True)


@transaction.atomic
def acknowledge(log_id: int, by: Staff) -> EmergencyLog:
    """Makes `by` the owner of an open emergency; one that has an owner keeps it.

    Raises AlreadyResolved, DoesNotExist."""
    taken = EmergencyLog.objects.filter(pk=log_id, status=Status.OPEN).update(
        status=Status.ACKNOWLEDGED, acknowledged_at=Now(), acknowledged_by=by, step_due_at=None
    )
    log = EmergencyLog.objects.get(pk=log_id)
    if taken:
        _note(log, "acknowledged", by)
        announce(log, "changed")
    elif log.status == Status.RESOLVED:
        raise AlreadyResolved(log.outcome)
    return log


@transaction.atomic
def resolve(log_id: int, by: Staff, outcome: str, note: str = "") -> EmergencyLog:
    """Ends an emergency. The same outcome again changes nothing. Raises AlreadyResolved (another outcome stands),
    DoesNotExist."""
    ended = EmergencyLog.objects.filter(pk=log_id, status__in=EmergencyLog.UNRESOLVED).update(
        status=Status.RESOLVED,
        resolved_at=Now(),
        resolved_by=by,
        outcome=Outcome(outcome),
        acknowledged_at=Coalesce(F("acknowledged_at"), Now()),
        acknowledged_by=Coalesce(F("acknowledged_by"), by.pk),
        step_due_at=None,
    )
    log = EmergencyLog.objects.get(pk=log_id)
    if ended:
        _note(log, "resolved", by, outcome=outcome, note=note)
        end_grants(log.log_id)
        announce(log, "changed")
    elif log.outcome != outcome:
        raise AlreadyResolved(log.outcome)
    return log


@transaction.atomic
def ring_for_real(log_id: int) -> bool:
    """Takes a test as meant, when nobody resolved it in time: everybody is alerted, also past an acknowledgement.

    False if not due."""
    due = EmergencyLog.objects.select_for_update(skip_locked=True).filter(pk=log_id, test_due_at__lte=Now())
    log = due.filter(test=True, status__in=EmergencyLog.UNRESOLVED).first()
    if log is None:
        return False
    _take_as_real(log, "test_overdue")
    return True


def tests_overdue(limit: int = 100) -> list[int]:
    """Unresolved tests whose time is over by the database's clock."""
    due = EmergencyLog.objects.filter(test=True, status__in=EmergencyLog.UNRESOLVED, test_due_at__lte=Now())
    return list(due.order_by("test_due_at").values_list("log_id", flat=True)[:limit])


@transaction.atomic
def climb(log_id: int) -> bool:
    """Takes the ladder's next step, if it is due: alerts the next rung that has somebody on it. False if not due."""
    log = (
        EmergencyLog.objects.select_for_update(skip_locked=True)
        .filter(pk=log_id, status=Status.OPEN, step_due_at__lte=Now())
        .first()
    )
    if log is None:
        return False
    rung, people = _first_occupied(log, next_step(log.severity, log.rung).rung)
    _set_step(log, rung)
    _note(log, "escalated", None, rung=Rung(rung).name.lower(), staff_ids=[person.pk for person in people])
    announce(log, "changed", alert=people, reason="escalated")
    return True


def due_to_climb(limit: int = 100) -> list[int]:
    """Emergencies whose next step is due by the database's clock."""
    due = EmergencyLog.objects.filter(status=Status.OPEN, step_due_at__lte=Now()).order_by("step_due_at")
    return list(due.values_list("log_id", flat=True)[:limit])


def receive_delivery(delivery_id: str, staff_id: int) -> bool:
    """A page of that person showed the alert. It stops resends to it, never the ladder: a page is not a person."""
    shown = AlertDelivery.objects.filter(pk=delivery_id, staff_id=staff_id, received_at__isnull=True)
    return shown.update(received_at=Now()) == 1


@transaction.atomic
def note_safety_check(senior_id: int, check_id: int, status: str, by: Staff | None = None) -> None:
    """Writes what became of a safety check onto every unresolved emergency of that senior."""
    for log in EmergencyLog.objects.filter(senior_id=senior_id, status__in=EmergencyLog.UNRESOLVED):
        _note(log, "safety_check", by, check_id=check_id, status=status)


def _open(cause: Cause, grade: str) -> EmergencyLog:
    log = EmergencyLog.objects.create(
        senior_id=cause.senior_id,
        event_type=cause.event_type,
        severity=grade,
        description=cause.description[:500],
        occurred_at=cause.occurred_at,
        detected_at=cause.detected_at or Now(),
        weight_id=cause.weight_id,
        test=cause.tested_by is not None,
        tested_by=cause.tested_by,
        test_due_at=Now() + TEST_LASTS if cause.tested_by else None,
    )
    if cause.tested_by:
        people = [cause.tested_by]
    else:
        rung, people = _first_occupied(log, Rung.CASEWORKERS)
        _set_step(log, rung)
    _note(log, "raised", None, source=cause.source, description=cause.description, test=cause.tested_by is not None)
    announce(log, "raised", alert=people)
    return log


def _add_source(log: EmergencyLog, cause: Cause, grade: str) -> None:
    rises = severities.is_higher(grade, log.severity)
    log.severity = severities.higher(grade, log.severity)
    EmergencyLog.objects.filter(pk=log.pk).update(severity=log.severity, repeats=F("repeats") + 1)
    _note(log, "repeated", None, source=cause.source, description=cause.description)
    if log.test:
        if cause.tested_by is None:
            _take_as_real(log, "test_ended")
        else:
            announce(log, "changed", alert=[cause.tested_by])
        return
    reopened = 0
    if rises or cause.is_panic or _is_worse_stage(cause) or _acknowledged_long_ago(log):
        reopened = EmergencyLog.objects.filter(pk=log.pk, status=Status.ACKNOWLEDGED).update(
            status=Status.OPEN, acknowledged_at=None, acknowledged_by=None
        )
    if not reopened:
        if rises:
            _hasten_step(log)
        announce(log, "changed")
        return
    rung, people = _first_occupied(log, Rung.CASEWORKERS)
    _include(people, log.acknowledged_by, log.senior_id)
    _set_step(log, rung)
    _note(log, "reopened", None, source=cause.source)
    announce(log, "changed", alert=people, reason="reopened")


def _include(people: list[Staff], person: Staff | None, senior_id: int) -> None:
    """Adds whoever is concerned already, as long as they may see the senior."""
    if person and person not in people and Senior.objects.visible_to(person).filter(pk=senior_id).exists():
        people.append(person)


def _take_as_real(log: EmergencyLog, why: str) -> None:
    """From here on the test is an emergency like any other, open and on the first rung."""
    EmergencyLog.objects.filter(pk=log.pk).update(
        test=False, test_due_at=None, status=Status.OPEN, acknowledged_at=None, acknowledged_by=None
    )
    rung, people = _first_occupied(log, Rung.CASEWORKERS)
    _include(people, log.tested_by, log.senior_id)
    _set_step(log, rung)
    _note(log, why, None)
    announce(log, "changed", alert=people, reason="raised")


def _is_worse_stage(cause: Cause) -> bool:
    """Whether this episode was known, and never as bad as now."""
    if not cause.is_episode or cause.stage == 0:
        return False
    episode = cause.source.rpartition(":")[0] + ":"
    known = EmergencySource.objects.filter(source__startswith=episode).values_list("source", flat=True)
    stages = [int(stage) for source in known if (stage := source.removeprefix(episode)).isdigit()]
    return cause.stage > max(stages, default=-1)


def _lasts_on(cause: Cause, log: EmergencyLog) -> bool:
    """A detector's episode that was resolved and is still true much later is an emergency anew."""
    if not cause.is_episode or log.status != Status.RESOLVED:
        return False
    resolved = EmergencyLog.objects.filter(pk=log.pk)
    if resolved.filter(resolved_at__lt=Now() - LASTING_AFTER_RESOLUTION).exists():
        return True
    false_alarm = resolved.filter(outcome=Outcome.FALSE_ALARM, resolved_at__lt=Now() - LASTING_AFTER_FALSE_ALARM)
    return cause.home_is_silent and false_alarm.exists()


def _acknowledged_long_ago(log: EmergencyLog) -> bool:
    return EmergencyLog.objects.filter(pk=log.pk, acknowledged_at__lt=Now() - REOPENS_AFTER).exists()


def _first_occupied(log: EmergencyLog, rung: int) -> tuple[int, list[Staff]]:
    """`rung`, or the next one that has anybody on it: an empty one is skipped at once."""
    people = on_rung(log.senior_id, rung)
    while not people and rung < Rung.EVERYBODY:
        rung += 1
        people = on_rung(log.senior_id, rung)
    return rung, people


def _set_step(log: EmergencyLog, rung: int) -> None:
    wait = timedelta(seconds=next_step(log.severity, rung).wait_s)
    EmergencyLog.objects.filter(pk=log.pk).update(rung=rung, step_due_at=Now() + wait)


def _hasten_step(log: EmergencyLog) -> None:
    """Graver than it was, it climbs as fast as its new severity wants, from now on."""
    wait = timedelta(seconds=next_step(log.severity, log.rung).wait_s)
    EmergencyLog.objects.filter(pk=log.pk, step_due_at__gt=Now() + wait).update(step_due_at=Now() + wait)


def _note(log: EmergencyLog, kind: str, by: Staff | None, **detail: Any) -> None:
    EmergencyTransition.objects.create(log=log, kind=kind, by=by, detail=detail)
