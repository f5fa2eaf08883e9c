"""What is to be done today: opened once by its cause, done by somebody, with what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models.functions import Now

from devices import hints
from seniors.models import Senior, Staff

from .notice_models import DueTask
from .ownership import note_act

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet


class AlreadyDone(Exception):
    """Somebody has done it; what came of it stands."""


def open_task(
    senior_id: int,
    kind: DueTask.Kind,
    code: str,
    *,
    key: str,
    due_at: datetime | None = None,
    values: dict[str, Any] | None = None,
    by: Staff | None = None,
) -> DueTask:
    """The task of that `key`: a new one, due now unless `due_at` says otherwise, or the one that was opened before."""
    task, created = DueTask.objects.get_or_create(
        key=key,
        defaults={
            "senior_id": senior_id,
            "kind": kind,
            "code": code,
            "values": values or {},
            "due_at": due_at or Now(),
            "created_by": by,
        },
    )
    if created:
        hints.send_hint_on_commit(hints.STAFF_FEED)
    return task


@transaction.atomic
def finish_task(task_id: int, by: Staff, outcome: str, note: str = "") -> DueTask:
    """Notes what came of it. The same outcome by the same person again changes nothing. Raises AlreadyDone,
    DoesNotExist."""
    open_ = DueTask.objects.filter(pk=task_id, done_at=None)
    done = open_.update(done_at=Now(), done_by=by, outcome=DueTask.Outcome(outcome), note=note)
    task = DueTask.objects.get(pk=task_id)
    if done:
        note_act(task.senior_id, by)
        hints.send_hint_on_commit(hints.STAFF_FEED)
    elif (task.outcome, task.done_by_id) != (outcome, by.pk):
        raise AlreadyDone(f"it was done at {task.done_at} with the outcome {task.outcome or 'none'}")
    return task


def drop_task(key: str) -> bool:
    """It need not be done any more. False when it was done or never opened."""
    ends = {"done_at": Now(), "outcome": DueTask.Outcome.NOT_NEEDED}
    return DueTask.objects.filter(key=key, done_at=None).update(**ends) > 0


def visible(user: Staff) -> QuerySet[DueTask]:
    """Tasks about seniors whom `user` may know of, the earliest due first."""
    rows = DueTask.objects.filter(senior__in=Senior.objects.visible_to(user)).select_related("senior", "done_by")
    return rows.order_by("due_at", "task_id")


def open_for(user: Staff) -> QuerySet[DueTask]:
    """Those that nobody has done yet, later ones too."""
    return visible(user).filter(done_at=None)
