"""A senior who is away, in hospital or has a visitor: what the model finds meanwhile is kept as risk, raising nothing.

It ends at its time, when somebody ends it, or half an hour after the question whether the senior is back was asked and
nobody answered. Panic events never come here.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce, Greatest, Now

from seniors.models import Senior

from .absence_models import Absence
from .due_tasks import drop_task, open_task
from .notice_models import DueTask, Notice
from .notices import close, tell
from .recipients import first_reached

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from seniors.models import Staff

Kind = Absence.Kind
LONGEST = {Kind.AWAY: timedelta(days=14), Kind.HOSPITAL: timedelta(days=30), Kind.VISITOR: timedelta(hours=12)}
NOBODY_HOME = [Kind.AWAY, Kind.HOSPITAL]
VISITOR_MUTES = frozenset({"night_wandering", "routine_change"})
ANSWER_WITHIN = timedelta(minutes=30)
IN_FORCE = Q(ended_at=None)


class AbsenceOutOfRange(ValueError):
    """It is over already, ends before it starts, or lasts longer than its kind may."""


def current(senior_id: int) -> Absence | None:
    """The absence that lasts or is planned; None where there is none."""
    not_over = Absence.objects.filter(IN_FORCE, senior_id=senior_id, ends_at__gt=Now())
    return not_over.select_related("created_by").first()


def mutes(senior_id: int, event_type: str) -> bool:
    """Whether the model's finding of that type raises nothing now."""
    kind = Absence.objects.lasting().filter(senior_id=senior_id).values_list("kind", flat=True).first()
    return kind in NOBODY_HOME or (kind == Kind.VISITOR and event_type in VISITOR_MUTES)


@transaction.atomic
def set_absence(senior_id: int, kind: str, starts_at: datetime, ends_at: datetime, note: str, by: Staff) -> Absence:
    """In place of the absence that was there, if any. Raises AbsenceOutOfRange, Senior.DoesNotExist."""
    longest = LONGEST[Kind(kind)]
    if not timedelta(0) < ends_at - starts_at <= longest:
        raise AbsenceOutOfRange(f"`until` comes after `from`, by {longest} at most for {kind}")
    Senior.objects.select_for_update(no_key=True).get(pk=senior_id)  # one at a time
    _end(Absence.objects.filter(senior_id=senior_id), "replaced", by)
    absence = Absence.objects.create(
        senior_id=senior_id, kind=kind, starts_at=starts_at, ends_at=ends_at, note=note, created_by=by
    )
    if not Absence.objects.filter(pk=absence.pk, ends_at__gt=Now()).exists():
        raise AbsenceOutOfRange("`until` lies in the past")
    absence.refresh_from_db()
    return absence


@transaction.atomic
def end_absence(senior_id: int, by: Staff) -> bool:
    """The senior is back. False when there is no absence."""
    return _end(Absence.objects.filter(senior_id=senior_id, ends_at__gt=Now()), "deleted", by) > 0


@transaction.atomic
def confirm_absence(senior_id: int) -> bool:
    """Still away: answers the question, and only activity from now on asks it again. False when there is no absence."""
    rows = Absence.objects.filter(IN_FORCE, senior_id=senior_id, ends_at__gt=Now())
    absence = rows.select_for_update().first()
    if absence is None:
        return False
    _settle_question(absence)
    rows.update(asked_at=None, ask_expires_at=None, active_since=Now(), watch_due_at=Now())
    return True


@transaction.atomic
def ask_whether_back(absence_id: int) -> bool:
    """The home is as lively as ever: asks the caseworkers. False when it was asked already or is over."""
    asked = Absence.objects.lasting().filter(pk=absence_id, asked_at=None, kind__in=NOBODY_HOME)
    if not asked.update(asked_at=Now(), ask_expires_at=Now() + ANSWER_WITHIN):
        return False
    absence = Absence.objects.get(pk=absence_id)
    key = _question(absence)
    _, people = first_reached(absence.senior_id)
    tell(people, Notice.Kind.IS_BACK, key, senior_id=absence.senior_id, rings=True)
    open_task(absence.senior_id, DueTask.Kind.IS_BACK, "back_home", key=key)
    return True


def activity_counts_from() -> Coalesce:
    """Activity of the home before this says nothing of whether the senior is back."""
    return Coalesce("active_since", Greatest("starts_at", "created_at"))


def due_steps(limit: int = 100) -> Iterator[tuple[str, Callable[[], int]]]:
    """Absences that end now: their time is over, or nobody answered that the senior is still away."""
    for name, due, why in ENDINGS:
        rows = Absence.objects.filter(due).order_by("pk").values_list("pk", flat=True)
        for absence_id in list(rows[:limit]):
            yield name, partial(_end_due, absence_id, due, why)


UNANSWERED = IN_FORCE & Q(ask_expires_at__lte=Now())
OVER = IN_FORCE & Q(ends_at__lte=Now())
ENDINGS = [("absences_over", OVER, "over"), ("absences_unanswered", UNANSWERED, "back")]


@transaction.atomic
def _end_due(absence_id: int, due: Q, why: str) -> int:
    absence = Absence.objects.filter(due, pk=absence_id).first()
    if absence is None or not _end(Absence.objects.filter(due, pk=absence_id), why, None):
        return 0
    if why == "back":
        _, people = first_reached(absence.senior_id)
        key = f"{_question(absence)}:ended"
        tell(people, Notice.Kind.ABSENCE_ENDED, key, senior_id=absence.senior_id)
    return 1


def _end(rows: QuerySet[Absence], why: str, by: Staff | None) -> int:
    """Ends those of `rows` that have not ended, and whatever was asked about them."""
    ended = 0
    for absence in rows.filter(IN_FORCE).select_for_update():
        Absence.objects.filter(pk=absence.pk).update(ended_at=Now(), ended_by=by, ended_why=why)
        _settle_question(absence)
        ended += 1
    return ended


def _settle_question(absence: Absence) -> None:
    if absence.asked_at:
        key = _question(absence)
        drop_task(key)
        close(Notice.objects.filter(key=key))


def _question(absence: Absence) -> str:
    """The key of the question that was asked at `asked_at`."""
    return f"absence:{absence.pk}:{absence.asked_at.isoformat() if absence.asked_at else ''}"
