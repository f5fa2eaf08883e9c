"""오늘 할 일: in the order of worry, done in two taps, the same visit kept once, and handed over."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitoring import due_tasks
from monitoring.care_models import ShiftNote
from monitoring.models import RiskState
from monitoring.notice_models import DueTask
from tests.factories import make_senior, map_staff

if TYPE_CHECKING:
    from django.test import Client

    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db


def due(senior: Senior, kind: str = "call", hours_ago: float = 1) -> DueTask:
    at = timezone.now() - timedelta(hours=hours_ago)
    return due_tasks.open_task(senior.pk, DueTask.Kind(kind), "scheduled", key=uuid.uuid4().hex, due_at=at)


def test_the_worst_risk_comes_first_then_what_is_due_longest(client: Client, senior: Senior, kim: Staff) -> None:
    worried, waiting = make_senior(full_name="걱정되는 분"), make_senior(full_name="오래 기다린 분")
    for one in (worried, waiting):
        map_staff(kim, one)
    RiskState.objects.create(senior=worried, level="warning", score=0.9, observed_at=timezone.now())
    due(senior, hours_ago=1)
    due(waiting, hours_ago=5)
    due(worried, hours_ago=0)
    client.force_login(kim)
    text = client.get("/admin/today/").content.decode()
    assert text.index("걱정되는 분") < text.index("오래 기다린 분") < text.index("박순자")


def test_strangers_see_none_of_it(client: Client, senior: Senior, lee: Staff, guardian: Staff) -> None:
    task = due(senior)
    client.force_login(lee)
    assert "박순자" not in client.get("/admin/today/").content.decode()
    assert "박순자" not in client.get("/admin/today/handover/").content.decode()
    assert client.get(f"/admin/visits/{senior.pk}/").status_code == 404
    assert client.post(f"/admin/visits/{senior.pk}/keep/", {"task": task.pk}).status_code == 404
    client.force_login(guardian)
    assert client.get("/admin/today/").status_code == 302


def test_the_page_costs_few_queries_however_many_are_due(client: Client, kim: Staff) -> None:
    for _ in range(30):
        one = make_senior()
        map_staff(kim, one)
        due(one)
    client.force_login(kim)
    client.get("/admin/today/")  # what was seen just now is not written down again
    with CaptureQueriesContext(connection) as queries:
        client.get("/admin/today/")
    assert len(queries) <= 8, "\n".join(query["sql"][:100] for query in queries.captured_queries)


def keep(client: Client, senior: Senior, **fields: object) -> int:
    values = {"visit_id": uuid.uuid4(), "visited_at": timezone.now().isoformat(), "outcome": "visited", "note": "좋음"}
    return client.post(f"/admin/visits/{senior.pk}/keep/", {**values, **fields}).status_code


def test_a_visit_that_is_sent_twice_is_kept_once(client: Client, senior: Senior, kim: Staff) -> None:
    client.force_login(kim)
    visit_id = uuid.uuid4()
    assert keep(client, senior, visit_id=visit_id) == 201
    assert keep(client, senior, visit_id=visit_id) == 201  # the same person, the same outcome: nothing changes
    kept = DueTask.objects.get()
    assert (kept.kind, kept.outcome, kept.done_by, kept.note) == ("visit", "visited", kim, "좋음")


def test_a_visit_that_was_due_is_done_by_it(client: Client, senior: Senior, kim: Staff) -> None:
    task = due(senior, "visit")
    client.force_login(kim)
    assert keep(client, senior, task=task.pk) == 201
    task.refresh_from_db()
    assert task.outcome == "visited"


def test_one_that_comes_hours_later_says_when_it_was(client: Client, senior: Senior, kim: Staff) -> None:
    client.force_login(kim)
    visited_at = timezone.now() - timedelta(hours=3)
    keep(client, senior, visited_at=visited_at.isoformat())
    assert timezone.localtime(visited_at).strftime("%H:%M") in DueTask.objects.get().note


def test_a_form_that_is_wrong_is_refused_by_field(client: Client, senior: Senior, kim: Staff) -> None:
    client.force_login(kim)
    answer = client.post(f"/admin/visits/{senior.pk}/keep/", {"visit_id": "no", "outcome": "flew"})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"visit_id", "visited_at", "outcome"}


def test_the_next_shift_reads_what_the_last_one_left(client: Client, senior: Senior, kim: Staff, park: Staff) -> None:
    client.force_login(kim)
    client.post("/admin/today/handover/note/", {"text": "박순자 님 저녁 약 확인 부탁"})
    due(senior, hours_ago=2)
    client.force_login(park)
    text = client.get("/admin/today/handover/").content.decode()
    assert "저녁 약 확인" in text
    assert "박순자" in text
    assert ShiftNote.objects.get().staff == kim
