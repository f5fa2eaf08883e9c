"""Training runs, seen from the backend: who is due, what was asked for, what became of it.

The nights are cut into slots of ten minutes and every slot takes its share of who is due, so that the load is even and
a slot that did not happen is made up for by the next. A person is due a week after the last fit, or a day after it
while there is little to learn from or the fit did not succeed.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import structlog
from celery import current_app
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.timezone import localtime
from kombu.exceptions import OperationalError

from .models import TrainingJob, TrainingRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from seniors.models import Staff

log = structlog.get_logger(__name__)

TASK = "ai.tasks.train_seniors"
QUEUE = "training"
SENIORS_A_TASK = 50
NIGHT_HOURS = range(6)
SLOT_MINUTES = 10
MOST_A_SLOT = 5_000
LOST_AFTER = "3 hours"

DUE = """
SELECT hubs.senior_id
FROM (SELECT DISTINCT senior_id FROM iot_hubs) AS hubs
LEFT JOIN LATERAL (
    SELECT status, changed_at FROM training_jobs AS job
    WHERE job.senior_id = hubs.senior_id ORDER BY queued_at DESC LIMIT 1
) AS last ON true
LEFT JOIN ai_weights AS active ON active.senior_id = hubs.senior_id AND active.is_active
WHERE last.status IS NULL
   OR last.status NOT IN ('queued', 'running')
  AND last.changed_at < now() - CASE
        WHEN active.weight_id IS NULL OR last.status IN ('failed', 'skipped')
          OR coalesce((active.metrics ->> 'learning')::float8, 1) <> 0
        THEN interval '20 hours' ELSE interval '6 days 20 hours' END
ORDER BY last.changed_at NULLS FIRST, hubs.senior_id
"""


class JobResult(NamedTuple):
    """What a training worker says of one senior. `status` is one of TrainingJob.Status."""

    senior_id: int
    status: str
    reason: str = ""
    version: int | None = None


def start_run(senior_ids: Sequence[int], kind: str, by: Staff | None = None) -> TrainingRun:
    """Writes down the run and hands it to the training workers once that is committed.

    Raises kombu's OperationalError while the broker is away; the run's jobs have failed then.
    """
    with transaction.atomic():
        run = TrainingRun.objects.create(kind=kind, started_by=by)
        TrainingJob.objects.bulk_create([TrainingJob(run=run, senior_id=senior_id) for senior_id in senior_ids])
        transaction.on_commit(lambda: send_tasks(run.pk, senior_ids))
    return run


def send_tasks(run_id: int, senior_ids: Sequence[int]) -> None:
    """Raises kombu's OperationalError while the broker is away, and leaves no job waiting for nothing."""
    try:
        for start in range(0, len(senior_ids), SENIORS_A_TASK):
            current_app.send_task(TASK, (list(senior_ids[start : start + SENIORS_A_TASK]), run_id), queue=QUEUE)
    except OperationalError:
        queued = TrainingJob.objects.filter(run_id=run_id, status=TrainingJob.Status.QUEUED)
        queued.update(status=TrainingJob.Status.FAILED, reason="the message queue is away", changed_at=Now())
        raise


def note_results(run_id: int, results: Iterable[JobResult]) -> int:
    """Moves the run's jobs on; a job that has ended stays as it ended, unless it failed. How many moved."""
    moved = 0
    for result in results:
        open_jobs = TrainingJob.objects.filter(
            run_id=run_id,
            senior_id=result.senior_id,
            status__in=[*TrainingJob.UNFINISHED, TrainingJob.Status.FAILED],
        )
        begins = result.status == TrainingJob.Status.RUNNING
        moved += open_jobs.update(
            status=result.status,
            reason=result.reason[:300],
            version=result.version,
            changed_at=Now(),
            attempts=F("attempts") + (1 if begins else 0),
        )
    return moved


def end_lost_jobs() -> int:
    """Jobs of which nothing was heard for hours: their task or their worker is gone. They are due again."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE training_jobs SET status = 'failed', reason = 'no word from the worker', changed_at = now()
            WHERE status IN ('queued', 'running') AND changed_at < now() - %s::interval
            """,
            [LOST_AFTER],
        )
        lost: int = cursor.rowcount
    if lost:
        log.error("training_lost", seniors=lost)
    return lost


def find_due() -> list[int]:
    """Who is due for new weights, the most overdue first."""
    with connection.cursor() as cursor:
        cursor.execute(DUE)
        return [row[0] for row in cursor.fetchall()]


def plan_slot(now: datetime) -> TrainingRun | None:
    """Starts this slot's share of the night's training; None when nobody is due or it is day."""
    end_lost_jobs()
    slots = count_slots_left(localtime(now))
    due = find_due() if slots else []
    if not due:
        return None
    return start_run(due[: min(ceil(len(due) / slots), MOST_A_SLOT)], TrainingRun.Kind.NIGHTLY)


def count_slots_left(local: datetime) -> int:
    """The slots of this night from this one on, 0 by day."""
    if local.hour not in NIGHT_HOURS:
        return 0
    left = (NIGHT_HOURS.stop - local.hour) * 60 - local.minute
    return ceil(left / SLOT_MINUTES)
