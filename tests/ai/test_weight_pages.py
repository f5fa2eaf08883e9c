"""Supervisors compare versions, put one to work and have a senior trained now; nobody else sees the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse
from kombu.exceptions import OperationalError

from ai.models import AIWeight, TrainingJob, TrainingRun
from ai.training_runs import JobResult, note_results, start_run
from ai.weight_problems import note_problem
from ai.weight_registry import active_weights
from seniors.models import AccessLog

from .rows import make_caseworker, make_live_weights, make_senior, make_supervisor

if TYPE_CHECKING:
    from seniors.models import Senior

pytestmark = [pytest.mark.django_db(databases=["default", "timeseries"]), pytest.mark.usefixtures("bucket")]


@pytest.fixture
def senior() -> Senior:
    return make_senior("박순례")


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(make_supervisor())
    return client


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    tasks: list[object] = []
    monkeypatch.setattr("ai.training_runs.current_app.send_task", lambda *args, **kwargs: tasks.append(args))
    return tasks


def page_of(senior: Senior, **query: int) -> str:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return reverse("admin:ai_weights_of", args=[senior.pk]) + (f"?{asked}" if asked else "")


def test_every_version_is_shown_and_looking_leaves_a_trace(boss: Client, senior: Senior) -> None:
    make_live_weights(senior, 2.0)
    second = make_live_weights(senior, 3.0)
    note_problem(second.pk, "the SHA-256 is not the registered one")
    text = boss.get(page_of(senior)).content.decode()
    assert "박순례 님의 가중치" in text
    assert text.count("사용 중") >= 1
    assert "the SHA-256 is not the registered one" in text
    assert AccessLog.objects.filter(senior_id=senior.pk, action="weights.view").exists()


def test_two_versions_are_compared_hour_by_hour(boss: Client, senior: Senior) -> None:
    first, second = make_live_weights(senior, 2.0), make_live_weights(senior, 3.0)
    text = boss.get(page_of(senior, one=first.pk, other=second.pk)).content.decode()
    assert "<td>120</td><td>180</td>" in text
    assert "예상 오경보(주)" in text


def test_another_seniors_version_is_not_compared(boss: Client, senior: Senior) -> None:
    other = make_live_weights(make_senior("이영희"), 2.0)
    own = make_live_weights(senior, 3.0)
    assert "지표" not in boss.get(page_of(senior, one=own.pk, other=other.pk)).content.decode()


def test_a_version_is_put_to_work_from_the_page(boss: Client, senior: Senior) -> None:
    first, second = make_live_weights(senior, 2.0), make_live_weights(senior, 3.0)
    path = reverse("admin:ai_activate_weights", args=[senior.pk, first.pk])
    assert boss.get(path).status_code == 405
    text = boss.post(path, follow=True).content.decode()
    assert "이제 v1(으)로 판단합니다" in text
    assert active_weights(senior.pk) == first
    AIWeight.objects.filter(pk=second.pk).update(status="rejected", reason="too loud")
    text = boss.post(reverse("admin:ai_activate_weights", args=[senior.pk, second.pk]), follow=True).content.decode()
    assert "거절된 가중치라 쓸 수 없습니다: too loud" in text


def test_a_version_of_somebody_else_is_not_put_to_work_here(boss: Client, senior: Senior) -> None:
    weight = make_live_weights(make_senior("이영희"))
    assert boss.post(reverse("admin:ai_activate_weights", args=[senior.pk, weight.pk])).status_code == 404


def test_one_senior_is_trained_now_and_not_twice_at_once(
    boss: Client, senior: Senior, sent: list[object], django_capture_on_commit_callbacks: object
) -> None:
    path = reverse("admin:ai_train_senior", args=[senior.pk])
    assert "학습을 맡겼습니다" in boss.post(path, follow=True).content.decode()
    assert "이미 학습하고 있습니다" in boss.post(path, follow=True).content.decode()
    job = TrainingJob.objects.get()
    assert (job.senior, job.run.kind) == (senior, "by_hand")
    assert job.run.started_by is not None
    note_results(job.run_id, [JobResult(senior.pk, "skipped", "3 days with events, 7 are needed")])
    assert "3 days with events" in boss.get(page_of(senior)).content.decode()


@pytest.mark.django_db(databases=["default", "timeseries"], transaction=True)
def test_a_queue_that_is_away_is_said_and_leaves_nothing_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OperationalError("away")

    senior, boss = make_senior("박순례"), Client()
    boss.force_login(make_supervisor())
    monkeypatch.setattr("ai.training_runs.current_app.send_task", refuse)
    text = boss.post(reverse("admin:ai_train_senior", args=[senior.pk]), follow=True).content.decode()
    assert "연결할 수 없어 학습을 맡기지 못했습니다" in text
    assert TrainingJob.objects.get().status == "failed"


def test_progress_of_runs_and_their_seniors_is_shown(boss: Client, senior: Senior, sent: list[object]) -> None:
    other = make_senior("이영희")
    run = start_run([senior.pk, other.pk], TrainingRun.Kind.NIGHTLY)
    note_results(run.pk, [JobResult(senior.pk, "failed", "the object store is away")])
    text = boss.get(reverse("admin:ai_trainingrun_changelist")).content.decode()
    assert '<progress max="2" value="1">' in text
    jobs = boss.get(reverse("admin:ai_trainingjob_changelist"), {"run__run_id__exact": run.pk}).content.decode()
    assert "the object store is away" in jobs
    assert "박순례" in jobs
    assert boss.get(reverse("admin:ai_aiweight_changelist")).status_code == 200


@pytest.mark.parametrize("name", ["ai_weights_of", "ai_train_senior"])
def test_caseworkers_are_refused(senior: Senior, name: str) -> None:
    client = Client()
    client.force_login(make_caseworker())
    path = reverse(f"admin:{name}", args=[senior.pk])
    assert (client.get(path) if name == "ai_weights_of" else client.post(path)).status_code == 403
    for model in ("aiweight", "trainingrun", "trainingjob"):
        assert client.get(reverse(f"admin:ai_{model}_changelist")).status_code == 403
