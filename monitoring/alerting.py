"""The life of an emergency: raised, repeated, resolved, reopened.

`ownership` says whose it is, `escalation` who hears of it; these three alone write `emergency_logs`.

Each transition is a conditional UPDATE, an append-only row and an outbox row in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from seniors.models import Senior

from . import severity as severities
from .automatic_checks import ask_for
from .escalation import first_occupied, hasten_step, set_step, wait_on
from .ladder import Rung
from .models import AlertDelivery, EmergencyLog, EmergencySource, Outcome
from .notification.models import DeliveryReceipt
from .notification.planning import plan_taken
from .outbox import announce
from .ownership import ASKED_AFTER
from .recipients import end_grants, first_reached, resume_grants
from .transitions import NOTHING_DUE, OPEN_AGAIN, AlreadyResolved, record_transition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from seniors.models import Staff

Status = EmergencyLog.Status
REOPENS_AFTER = timedelta(minutes=30)
LASTING_AFTER_RESOLUTION = timedelta(hours=6)
LASTING_AFTER_FALSE_ALARM = timedelta(hours=2)
TEST_LASTS = timedelta(seconds=60)
IS_KNOWN = """
    SELECT EXISTS (SELECT FROM emergency_sources WHERE source = %s) OR EXISTS (
        SELECT FROM emergency_logs WHERE senior_id = %s AND event_type = %s AND status IN ('open', 'acknowledged')
    )
"""


class UnknownSenior(LookupError):
    """Nobody has that senior_id: what came cannot be raised, now or later."""


class NotResolved(Exception):
    """There is no resolution to undo."""


class AnotherUnresolved(Exception):
    """The senior has an unresolved emergency of that type, and there can be only one."""


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
    is_drill: bool = False  # a test that everybody concerned hears of, and is told that it is one
    is_panic: bool = False
    is_episode: bool = False
    stage: int = 0  # of an episode; a higher one is a source of its own and alerts afresh
    home_is_silent: bool = False  # no event since the emergency of this episode was resolved
    reasons: tuple[dict[str, Any], ...] = ()  # the description as codes with numbers
    hub_id: int | None = None  # whose sensor it was, where it was one
    sensor_id: str = ""


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
    grade = severities.at_least(cause.event_type, cause.severity)
    noted: dict[str, Any] = {"severity": grade, "hub_id": cause.hub_id, "sensor_id": cause.sensor_id[:64]}
    if _is_first(cause):
        opened = _open(cause, grade)
        EmergencySource.objects.create(source=cause.source, log=opened, **noted)
        return Raising(opened.log_id, changed=True)
    known = EmergencySource.objects.select_related("log").filter(source=cause.source).first()
    if known and not _lasts_on(cause, known.log):
        return Raising(known.log_id, changed=False)
    log = EmergencyLog.objects.filter(
        senior_id=cause.senior_id, event_type=cause.event_type, status__in=EmergencyLog.UNRESOLVED
    ).first()
    if log is None:
        log = _open(cause, grade)
    else:
        _add_source(log, cause, grade)
    if known:
        EmergencySource.objects.filter(pk=cause.source).update(log=log, **noted)
    else:
        EmergencySource.objects.create(source=cause.source, log=log, **noted)
    return Raising(log.log_id, changed=True)


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
        **NOTHING_DUE,
    )
    log = EmergencyLog.objects.get(pk=log_id)
    if ended:
        record_transition(log, "resolved", by, outcome=outcome, note=note)
        end_grants(log.log_id)
        announce(log, "changed")
        plan_taken(log, by)
    elif log.outcome != outcome:
        raise AlreadyResolved(log.outcome)
    return log


@transaction.atomic
def reopen(log_id: int, by: Staff, note: str = "") -> EmergencyLog:
    """Undoes a resolution: open, unowned and on the first rung, as a real one. Raises NotResolved, AnotherUnresolved,
    DoesNotExist."""
    log = EmergencyLog.objects.get(pk=log_id)
    Senior.objects.select_for_update(no_key=True).get(pk=log.senior_id)  # no new cause may come in between
    rivals = EmergencyLog.objects.filter(senior_id=log.senior_id, event_type=log.event_type)
    if rivals.filter(status__in=EmergencyLog.UNRESOLVED).exclude(pk=log_id).exists():
        raise AnotherUnresolved("this senior has an unresolved emergency of the same kind; go on with that one")
    undone = {"resolved_at": None, "resolved_by": None, "outcome": "", "test": log.is_drill, "test_due_at": None}
    if not EmergencyLog.objects.filter(pk=log_id, status=Status.RESOLVED).update(**OPEN_AGAIN, **undone):
        raise NotResolved("the emergency is not resolved")
    resume_grants(log_id)
    rung, people = first_occupied(log, Rung.CASEWORKERS)
    set_step(log, rung)
    record_transition(log, "reopened", by, note=note)
    announce(log, "changed", alert=people, reason="reopened")
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
def receive_delivery(delivery_id: str, staff_id: int, device: str = "page") -> bool:
    """A page of that person showed the alert; True the first time. Each `device` leaves a row of its own. It stops
    resends to the person, never the ladder: a page is not a person."""
    mine = AlertDelivery.objects.filter(pk=delivery_id, staff_id=staff_id)
    if not mine.exists():
        return False
    receipt = DeliveryReceipt(delivery_id=delivery_id, device=device)
    DeliveryReceipt.objects.bulk_create([receipt], ignore_conflicts=True)
    return mine.filter(received_at__isnull=True).update(received_at=Now()) == 1


@transaction.atomic
def note_safety_check(
    senior_id: int, check_id: int, status: str, by: Staff | None = None, times: Mapping[str, str | None] | None = None
) -> None:
    """Writes what became of a safety check, and the `times` of its steps, onto every unresolved emergency of that
    senior."""
    for log in EmergencyLog.objects.filter(senior_id=senior_id, status__in=EmergencyLog.UNRESOLVED):
        record_transition(log, "safety_check", by, check_id=check_id, status=status, **(times or {}))


def _is_first(cause: Cause) -> bool:
    """Whether neither the source nor an unresolved emergency of its type is known: the usual case, told by one look."""
    with connection.cursor() as cursor:
        cursor.execute(IS_KNOWN, [cause.source, cause.senior_id, cause.event_type])
        return not cursor.fetchone()[0]


def _open(cause: Cause, grade: str) -> EmergencyLog:
    people: list[Staff]
    if cause.tested_by:
        people, step = [cause.tested_by], {}
    else:
        rung, people = first_reached(cause.senior_id)
        step = {"rung": rung, "step_due_at": Now() + wait_on(cause.senior_id, grade, rung)}
    log = EmergencyLog.objects.create(
        senior_id=cause.senior_id,
        event_type=cause.event_type,
        severity=grade,
        description=cause.description[:500],
        reasons=list(cause.reasons),
        occurred_at=cause.occurred_at,
        **({"detected_at": cause.detected_at} if cause.detected_at else {}),  # else the database's own time comes back
        weight_id=cause.weight_id,
        test=cause.tested_by is not None or cause.is_drill,
        tested_by=cause.tested_by,
        test_due_at=Now() + TEST_LASTS if cause.tested_by else None,
        **step,
    )
    record_transition(log, "raised", **_of_cause(cause), test=log.test)
    announce(log, "raised", alert=people)
    ask_for(log)
    return log


def _add_source(log: EmergencyLog, cause: Cause, grade: str) -> None:
    rises = severities.is_higher(grade, log.severity)
    log.severity = severities.higher(grade, log.severity)
    EmergencyLog.objects.filter(pk=log.pk).update(severity=log.severity, repeats=F("repeats") + 1)
    record_transition(log, "repeated", **_of_cause(cause))
    if log.test:
        if cause.tested_by is None:
            meant = {"description": cause.description[:500], "reasons": list(cause.reasons)}
            EmergencyLog.objects.filter(pk=log.pk).update(**meant)
            _take_as_real(log, "test_ended")
        else:
            announce(log, "changed", alert=[cause.tested_by])
        return
    is_worse = _is_worse_stage(cause)
    owner = _owner_who_sees(log) if is_worse else None
    reopened = 0
    if rises or cause.is_panic or log.snoozed_until or (is_worse and not owner) or _acknowledged_long_ago(log):
        reopened = EmergencyLog.objects.filter(pk=log.pk, status=Status.ACKNOWLEDGED).update(**OPEN_AGAIN)
    if reopened:
        _alert_anew(log, cause)
        return
    if rises:
        hasten_step(log)
    if owner:
        EmergencyLog.objects.filter(pk=log.pk).update(ask_due_at=Now() + ASKED_AFTER, ask_expires_at=None)
    announce(log, "changed", alert=[owner] if owner else [], reason="reopened" if owner else "")


def _alert_anew(log: EmergencyLog, cause: Cause) -> None:
    rung, people = first_occupied(log, Rung.CASEWORKERS)
    _include(people, log.acknowledged_by, log.senior_id)
    set_step(log, rung)
    record_transition(log, "reopened", source=cause.source)
    announce(log, "changed", alert=people, reason="reopened")


def _owner_who_sees(log: EmergencyLog) -> Staff | None:
    """Whoever has it, as long as they may see the senior: a finding that got worse is told to them."""
    people: list[Staff] = []
    if log.status == Status.ACKNOWLEDGED:
        _include(people, log.acknowledged_by, log.senior_id)
    return people[0] if people else None


def _of_cause(cause: Cause) -> dict[str, Any]:
    return {"source": cause.source, "description": cause.description, "reasons": list(cause.reasons)}


def _include(people: list[Staff], person: Staff | None, senior_id: int) -> None:
    """Adds whoever is concerned already, as long as they may see the senior."""
    if person and person not in people and Senior.objects.visible_to(person).filter(pk=senior_id).exists():
        people.append(person)


def _take_as_real(log: EmergencyLog, why: str) -> None:
    """From here on the test is an emergency like any other, open and on the first rung."""
    EmergencyLog.objects.filter(pk=log.pk).update(**OPEN_AGAIN, test=False, test_due_at=None)
    rung, people = first_occupied(log, Rung.CASEWORKERS)
    _include(people, log.tested_by, log.senior_id)
    set_step(log, rung)
    record_transition(log, why)
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
