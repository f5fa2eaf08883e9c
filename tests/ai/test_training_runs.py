"""Who is due for new weights, and how a run is followed from the request to its end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone

from ai import training_runs
from ai.models import AIWeight, TrainingJob, TrainingRun
from ai.service_accounts import issue_service_account
from ai.training_runs import JobResult, count_slots_left, end_lost_jobs, find_due, note_results, plan_slot, start_run

from .rows import make_live_weights, make_senior, make_supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seniors.models import Senior

pytestmark = [pytest.mark.django_db(databases=["default", "timeseries"]), pytest.mark.usefixtures("bucket")]

SEOUL_NIGHT = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)  # one in the morning
SEOUL_DAY = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The seniors of each task that was handed to the workers."""
    tasks: list[list[int]] = []

    def send(name: str, args: tuple[Sequence[int], int], queue: str) -> None:
        assert (name, queue) == ("ai.tasks.train_seniors", "training")
        tasks.append(list(args[0]))

    monkeypatch.setattr("ai.training_runs.current_app.send_task", send)
    return tasks


def finish(run: TrainingRun, senior: Senior, status: str, ago: timedelta) -> None:
    note_results(run.pk, [JobResult(senior.pk, status)])
    TrainingJob.objects.filter(run=run, senior=senior).update(changed_at=timezone.now() - ago)


def test_a_run_is_written_down_and_then_handed_to_the_workers(
    sent: list[list[int]], django_capture_on_commit_callbacks: Any
) -> None:
    seniors = [make_senior(str(number)).pk for number in range(3)]
    with django_capture_on_commit_callbacks() as callbacks:
        run = start_run(seniors, TrainingRun.Kind.BY_HAND, make_supervisor())
    assert sent == []
    for callback in callbacks:
        callback()
    assert sent == [seniors]
    assert set(run.jobs.values_list("status", flat=True)) == {"queued"}


def test_large_runs_are_cut_into_tasks(sent: list[list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_runs, "SENIORS_A_TASK", 2)
    training_runs.send_tasks(1, [1, 2, 3, 4, 5])
    assert sent == [[1, 2], [3, 4], [5]]


def test_a_worker_says_how_far_it_is_and_a_job_that_has_ended_stays_ended(sent: list[list[int]]) -> None:
    senior = make_senior()
    run = start_run([senior.pk], TrainingRun.Kind.NIGHTLY)
    assert note_results(run.pk, [JobResult(senior.pk, "running")]) == 1
    assert note_results(run.pk, [JobResult(senior.pk, "failed", "the object store is away")]) == 1
    assert note_results(run.pk, [JobResult(senior.pk, "running")]) == 1
    assert note_results(run.pk, [JobResult(senior.pk, "active", "the first weights", 1)]) == 1
    assert note_results(run.pk, [JobResult(senior.pk, "running")]) == 0
    job = run.jobs.get()
    assert (job.status, job.reason, job.version, job.attempts) == ("active", "the first weights", 1, 2)


def test_who_was_never_trained_is_due_and_who_waits_for_a_worker_is_not(sent: list[list[int]]) -> None:
    one, other = make_senior(), make_senior("이영희")
    make_senior("정기철", status=None)
    assert find_due() == [one.pk, other.pk]
    start_run([one.pk], TrainingRun.Kind.NIGHTLY)
    assert find_due() == [other.pk]


@pytest.mark.parametrize(
    ("status", "learning", "due_after"),
    [("active", 0, timedelta(days=7)), ("active", 1, timedelta(days=1)), ("failed", 0, timedelta(days=1))],
)
def test_a_refit_is_due_after_a_week_or_a_day_while_there_is_little_to_learn_from(
    sent: list[list[int]], status: str, learning: int, due_after: timedelta
) -> None:
    senior = make_senior()
    weight = make_live_weights(senior)
    AIWeight.objects.filter(pk=weight.pk).update(metrics={"learning": learning})
    run = start_run([senior.pk], TrainingRun.Kind.NIGHTLY)
    finish(run, senior, status, due_after - timedelta(hours=6))
    assert find_due() == []
    finish(run, senior, status, due_after)
    TrainingJob.objects.update(changed_at=timezone.now() - due_after)
    assert find_due() == [senior.pk]


def test_a_slot_takes_its_share_of_the_night_and_the_last_one_the_rest(
    sent: list[list[int]], django_capture_on_commit_callbacks: Any
) -> None:
    for number in range(12):
        make_senior(str(number))
    with django_capture_on_commit_callbacks(execute=True):
        run = plan_slot(datetime(2026, 11, 24, 20, 0, tzinfo=UTC))  # five in the morning: six slots are left
    assert run is not None
    assert [len(task) for task in sent] == [2]
    last = plan_slot(datetime(2026, 11, 24, 20, 50, tzinfo=UTC))
    assert last is not None
    assert last.jobs.count() == 10


def test_by_day_nothing_is_planned(sent: list[list[int]]) -> None:
    make_senior()
    assert plan_slot(SEOUL_DAY) is None
    assert plan_slot(SEOUL_NIGHT) is not None


def test_slots_are_counted_to_six_in_the_morning() -> None:
    midnight = datetime(2026, 11, 24)
    assert count_slots_left(midnight) == 36
    assert count_slots_left(midnight.replace(hour=5, minute=55)) == 1
    assert count_slots_left(midnight.replace(hour=6)) == 0


def test_a_job_of_which_nothing_was_heard_for_hours_failed_and_is_due_again_the_next_night(
    sent: list[list[int]],
) -> None:
    senior = make_senior()
    run = start_run([senior.pk], TrainingRun.Kind.NIGHTLY)
    assert end_lost_jobs() == 0
    TrainingJob.objects.update(changed_at=timezone.now() - timedelta(hours=4))
    assert end_lost_jobs() == 1
    assert run.jobs.get().status == "failed"


def test_workers_report_progress_over_http_and_nobody_else_may(sent: list[list[int]]) -> None:
    senior = make_senior()
    run = start_run([senior.pk], TrainingRun.Kind.NIGHTLY)
    path, body = (
        f"/api/v1/ai/training/{run.pk}",
        json.dumps({"results": [{"senior_id": senior.pk, "status": "active"}]}),
    )
    worker = Client(headers={"authorization": f"Api-Key {issue_service_account('training-1')}"})
    answer = worker.post(path, body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"updated": 1})
    assert worker.post("/api/v1/ai/training/987654", body, content_type="application/json").status_code == 404
    wrong = json.dumps({"results": [{"senior_id": senior.pk, "status": "splendid"}]})
    assert worker.post(path, wrong, content_type="application/json").status_code == 400
    assert Client().post(path, body, content_type="application/json").status_code == 401
    boss = Client()
    boss.force_login(make_supervisor())
    assert boss.post(path, body, content_type="application/json").status_code == 403
