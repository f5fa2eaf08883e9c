"""Who has an emergency: taken, handed over, quieted for a while, asked after, given up again.

Every due time is a column that the watchdog judges by the database's clock (`due_steps`).
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Case, F, Q, When
from django.db.models.functions import Greatest, Now

from .escalation import step_up
from .ladder import Rung
from .models import EmergencyLog, Progress, Severity
from .notification.planning import plan_taken
from .outbox import announce, ask_owner
from .recipients import is_assignable, on_rung
from .transitions import NOTHING_DUE, OPEN_AGAIN, AlreadyResolved, record_transition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from seniors.models import Staff

Status = EmergencyLog.Status
ASKED_AFTER = timedelta(minutes=5)
ANSWER_WITHIN = timedelta(seconds=60)
ON_MY_WAY_HOLDS = timedelta(minutes=30)
REMINDED_AFTER = timedelta(minutes=60)
HANDED_OVER_WITHIN = timedelta(seconds=60)
LONGEST_SNOOZE = timedelta(minutes=60)
LONGEST_SNOOZE_CRITICAL = timedelta(minutes=10)
# an owner who was asked once is not asked again, whatever they do afterwards
LATER_QUESTION = Case(When(ask_due_at__isnull=False, then=Greatest(F("ask_due_at"), Now() + ASKED_AFTER)), default=None)


class NotOwner(Exception):
    """Only the owner of an emergency may say this of it."""


class SnoozeOutOfRange(ValueError):
    """The end lies in the past or too far ahead for an emergency of this severity."""


class NotAssignable(ValueError):
    """That person is neither on duty nor mapped to the senior, or cannot act."""


@transaction.atomic
def acknowledge(log_id: int, by: Staff) -> EmergencyLog:
    """Makes `by` the owner of an open emergency, or of one that was just handed to them; else its owner keeps it.

    Raises AlreadyResolved, DoesNotExist."""
    row = EmergencyLog.objects.filter(pk=log_id)
    ends: dict[str, Any] = NOTHING_DUE | {
        "acknowledged_by": by,
        "acknowledged_at": Now(),
        "status": Status.ACKNOWLEDGED,
    }
    ends["ask_due_at"] = Case(When(test=False, then=Now() + ASKED_AFTER), default=None)
    reminder = Case(When(test=False, then=Now() + REMINDED_AFTER), default=None)
    handed = row.filter(status=Status.ACKNOWLEDGED, assigned_to=by, assign_due_at__gt=Now())
    opened = row.filter(status=Status.OPEN)
    # a hand-over does not put off the supervisors' reminder
    taken = opened.update(**ends | {"remind_due_at": reminder}) or handed.update(
        **ends | {"remind_due_at": F("remind_due_at")}
    )
    log = row.get()
    if taken:
        record_transition(log, "acknowledged", by)
        announce(log, "changed")
        plan_taken(log, by)
    elif log.status == Status.RESOLVED:
        raise AlreadyResolved(log.outcome)
    return log


@transaction.atomic
def report_progress(log_id: int, by: Staff, state: Progress, note: str = "") -> EmergencyLog:
    """What the owner does about it; answers the question whether they are still on it.

    Raises NotOwner, AlreadyResolved, DoesNotExist."""
    on_my_way = state == Progress.ON_MY_WAY
    question = Now() + ON_MY_WAY_HOLDS if on_my_way else LATER_QUESTION
    if not _owned(log_id, by).update(ask_due_at=question, ask_expires_at=None):
        raise _refusal(log_id)
    log = EmergencyLog.objects.get(pk=log_id)
    record_transition(log, "progress", by, state=state.value, note=note)
    announce(log, "changed")
    return log


@transaction.atomic
def snooze(log_id: int, by: Staff, until: datetime) -> EmergencyLog:
    """Quiet until then, for the owner alone; a new source ends it, and at its end the emergency is open again.

    Raises NotOwner, SnoozeOutOfRange, AlreadyResolved, DoesNotExist."""
    latest = Case(
        When(severity=Severity.CRITICAL, then=Now() + LONGEST_SNOOZE_CRITICAL), default=Now() + LONGEST_SNOOZE
    )
    mine = _owned(log_id, by)
    within = mine.alias(now=Now(), latest=latest).filter(now__lt=until, latest__gte=until)
    if not within.update(snoozed_until=until, ask_due_at=None, ask_expires_at=None):
        raise SnoozeOutOfRange(str(until)) if mine.exists() else _refusal(log_id)
    log = EmergencyLog.objects.get(pk=log_id)
    record_transition(log, "snoozed", by, until=until.isoformat())
    announce(log, "changed")
    return log


@transaction.atomic
def assign(log_id: int, to: Staff, by: Staff) -> EmergencyLog:
    """Alerts `to`, who becomes the owner by acknowledging within 60 s; until then nothing changes hands.

    Raises NotAssignable, AlreadyResolved, DoesNotExist."""
    log = EmergencyLog.objects.get(pk=log_id)
    if not is_assignable(to, log.senior_id):
        raise NotAssignable(f"staff {to.pk} is neither on duty nor mapped to this senior")
    if log.status == Status.ACKNOWLEDGED and log.acknowledged_by_id == to.pk:
        return log
    handing = EmergencyLog.objects.filter(pk=log_id, status__in=EmergencyLog.UNRESOLVED)
    if not handing.update(assigned_to=to, assigned_by=by, assign_due_at=Now() + HANDED_OVER_WITHIN):
        raise AlreadyResolved(log.outcome)
    note_act(log.senior_id, by)
    record_transition(log, "assigned", by, staff_ids=[to.pk])
    announce(log, "changed", alert=[to], reason="assigned")
    return log


def note_act(senior_id: int, by: Staff) -> None:
    """Whoever does something for a senior is on the emergencies of that senior that they own."""
    mine = EmergencyLog.objects.filter(senior_id=senior_id, status=Status.ACKNOWLEDGED, acknowledged_by=by)
    mine.update(ask_due_at=LATER_QUESTION, ask_expires_at=None)


# -- what comes due


def due_steps(limit: int = 100) -> Iterator[tuple[str, Callable[[], bool]]]:
    """What is due now about emergencies with an owner or on their way to one, by the name of its sweep."""
    sweeps: dict[str, tuple[Q, Callable[[int], bool]]] = {
        "hand_overs_lapsed": (HAND_OVER_LAPSED, end_hand_over),
        "snoozes_ended": (SNOOZE_ENDED, end_snooze),
        "owners_silent": (OWNER_SILENT, give_up_owner),
        "owners_asked": (QUESTION_DUE, ask),
        "supervisors_reminded": (REMINDER_DUE, remind_supervisors),
    }
    for name, (due, step) in sweeps.items():
        log_ids = EmergencyLog.objects.filter(due).order_by("log_id").values_list("log_id", flat=True)
        for log_id in list(log_ids[:limit]):
            yield name, partial(step, log_id)


OWNED = Q(status=Status.ACKNOWLEDGED)
QUESTION_DUE = OWNED & Q(ask_due_at__lte=Now())
OWNER_SILENT = OWNED & Q(ask_expires_at__lte=Now())
SNOOZE_ENDED = OWNED & Q(snoozed_until__lte=Now())
REMINDER_DUE = OWNED & Q(remind_due_at__lte=Now())
HAND_OVER_LAPSED = Q(status__in=EmergencyLog.UNRESOLVED, assign_due_at__lte=Now())


@transaction.atomic
def ask(log_id: int) -> bool:
    """Asks an owner of whom nothing was seen whether they are still on it. False if not due."""
    due = EmergencyLog.objects.filter(QUESTION_DUE, pk=log_id)
    if not due.update(ask_due_at=None, ask_expires_at=Now() + ANSWER_WITHIN):
        return False
    log = EmergencyLog.objects.get(pk=log_id)
    record_transition(log, "owner_asked", staff_ids=[log.acknowledged_by_id])
    ask_owner(log)
    return True


@transaction.atomic
def give_up_owner(log_id: int) -> bool:
    """The owner did not say that they are still on it: open again, and on from where it stood. False if not due."""
    return _climb_on(log_id, OWNER_SILENT, "owner_silent")


@transaction.atomic
def end_snooze(log_id: int) -> bool:
    """The quiet time is over: open again, and on from where it stood. False if not due."""
    return _climb_on(log_id, SNOOZE_ENDED, "snooze_ended")


@transaction.atomic
def end_hand_over(log_id: int) -> bool:
    """Nobody took what was handed to them: it stays where it was, and the giver is told. False if not due."""
    log = EmergencyLog.objects.select_related("assigned_by").filter(HAND_OVER_LAPSED, pk=log_id).first()
    ends = {"assigned_to": None, "assigned_by": None, "assign_due_at": None}
    if log is None or not EmergencyLog.objects.filter(HAND_OVER_LAPSED, pk=log_id).update(**ends):
        return False
    giver, receiver = log.assigned_by, log.assigned_to_id
    record_transition(log, "assign_lapsed", staff_ids=[receiver])
    announce(log, "changed", alert=[giver] if giver and giver.is_active else [], reason="assigned")
    return True


@transaction.atomic
def remind_supervisors(log_id: int) -> bool:
    """Tells them of one that is taken and not resolved, again each hour. False if not due."""
    due = EmergencyLog.objects.filter(REMINDER_DUE, pk=log_id)
    if not due.update(remind_due_at=Now() + REMINDED_AFTER):
        return False
    log = EmergencyLog.objects.get(pk=log_id)
    people = on_rung(log.senior_id, Rung.SUPERVISORS)
    record_transition(log, "reminded", staff_ids=[person.pk for person in people])
    announce(log, "changed", alert=people, reason="escalated")
    return True


def _climb_on(log_id: int, due: Q, kind: str) -> bool:
    row = EmergencyLog.objects.filter(pk=log_id)
    log = row.filter(due).first()
    if log is None or not row.filter(due).update(**OPEN_AGAIN):
        return False
    record_transition(log, kind, staff_ids=[log.acknowledged_by_id])
    step_up(log)
    return True


def _owned(log_id: int, by: Staff) -> QuerySet[EmergencyLog]:
    return EmergencyLog.objects.filter(pk=log_id, status=Status.ACKNOWLEDGED, acknowledged_by=by)


def _refusal(log_id: int) -> Exception:
    log = EmergencyLog.objects.get(pk=log_id)
    if log.status == Status.RESOLVED:
        return AlreadyResolved(log.outcome)
    return NotOwner("only the owner can say this; acknowledge it first")
