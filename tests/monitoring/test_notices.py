from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from devices.database_threads import in_database_thread
from monitoring import due_tasks, notices
from monitoring.notice_models import DueTask, Notice
from seniors.models import AccessLog, StaffSenior
from tests.api_calls import call
from tests.factories import make_senior
from tests.monitoring.staff_sockets import page_of

if TYPE_CHECKING:
    from seniors.models import Senior, Staff

KIND = Notice.Kind.CHECK_UNDELIVERABLE


def tell(people: list[Staff], senior: Senior, key: str = "check:1") -> list[Notice]:
    return notices.tell(people, KIND, key, senior_id=senior.pk, rings=True)


# -- notices


@pytest.mark.django_db
def test_each_person_is_told_once(senior: Senior, kim: Staff, park: Staff) -> None:
    assert len(tell([kim], senior)) == 1
    assert [row.staff for row in tell([kim, park], senior)] == [park]
    assert call(kim, "get", "notices").json()["count"] == 1


@pytest.mark.django_db
def test_what_was_seen_shows_no_more(senior: Senior, kim: Staff, lee: Staff) -> None:
    (notice,) = tell([kim], senior)
    listed = call(kim, "get", "notices?open=true").json()["results"]
    assert [(row["kind"], row["senior_id"], row["rings"]) for row in listed] == [(KIND, senior.pk, True)]
    assert senior.full_name in listed[0]["text"]
    assert call(lee, "post", f"notices/{notice.pk}/seen").status_code == 404
    first, second = (call(kim, "post", f"notices/{notice.pk}/seen").json()["seen_at"] for _ in range(2))
    assert first == second
    assert call(kim, "get", "notices?open=true").json()["count"] == 0
    assert AccessLog.objects.filter(staff=kim, action="notices.list", senior_id=senior.pk).exists()


@pytest.mark.django_db
def test_who_may_not_know_of_the_senior_any_more_is_not_told(senior: Senior, kim: Staff) -> None:
    tell([kim], senior)
    StaffSenior.objects.all().delete()
    assert call(kim, "get", "notices").json()["count"] == 0


@pytest.mark.django_db
def test_a_reader_of_english_reads_english(senior: Senior, kim: Staff) -> None:
    tell([kim], senior)
    kim.language = "en"
    kim.save()
    text = call(kim, "get", "notices").json()["results"][0]["text"]
    assert "could not be asked" in text


@pytest.mark.django_db(transaction=True)
async def test_an_open_page_hears_of_it_and_nobody_else_s_does(senior: Senior, kim: Staff, park: Staff) -> None:
    async with page_of(kim) as page, page_of(park) as other:
        await in_database_thread(tell, [kim], senior)
        message = await page.receive("notice.changed")
        assert message["notice"]["senior_id"] == senior.pk
        await in_database_thread(tell, [park], senior, "check:2")
        heard = await other.receive("notice.changed")
        assert heard["notice"]["notice_id"] != message["notice"]["notice_id"]


# -- tasks


@pytest.mark.django_db
def test_a_task_is_opened_once_by_its_cause(senior: Senior) -> None:
    first = due_tasks.open_task(senior.pk, DueTask.Kind.CALL, "check_undeliverable", key="check:1")
    assert due_tasks.open_task(senior.pk, DueTask.Kind.CALL, "check_undeliverable", key="check:1") == first


@pytest.mark.django_db
def test_whoever_sees_the_senior_does_it_and_says_what_came_of_it(
    senior: Senior, kim: Staff, lee: Staff, park: Staff, guardian: Staff
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    due_tasks.open_task(senior.pk, DueTask.Kind.VISIT, "scheduled", key="schedule:1", due_at=later)
    task = due_tasks.open_task(senior.pk, DueTask.Kind.CALL, "check_undeliverable", key="check:1")
    due_tasks.open_task(make_senior().pk, DueTask.Kind.CALL, "check_undeliverable", key="check:2")
    listed = call(kim, "get", "tasks?open=true").json()["results"]
    assert [row["kind"] for row in listed] == ["call", "visit"]
    done = {"outcome": "reached", "note": "잘 지내심"}
    assert call(lee, "post", f"tasks/{task.pk}/done", done).status_code == 404
    assert call(guardian, "post", f"tasks/{task.pk}/done", done).status_code == 403
    assert call(kim, "post", f"tasks/{task.pk}/done", {"outcome": "slept"}).status_code == 400
    answer = call(kim, "post", f"tasks/{task.pk}/done", done).json()
    assert (answer["done_by"], answer["outcome"], answer["note"]) == (kim.pk, "reached", "잘 지내심")
    assert call(kim, "post", f"tasks/{task.pk}/done", done).status_code == 200
    late = call(park, "post", f"tasks/{task.pk}/done", {"outcome": "not_reached"})
    assert (late.status_code, late.json()["code"]) == (409, "already_done")
    assert [row["kind"] for row in call(kim, "get", "tasks?open=true").json()["results"]] == ["visit"]
    assert call(kim, "get", "tasks?open=false").json()["count"] == 1


@pytest.mark.django_db
def test_what_need_not_be_done_any_more_is_dropped(senior: Senior, kim: Staff) -> None:
    due_tasks.open_task(senior.pk, DueTask.Kind.IS_BACK, "back_home", key="absence:1")
    assert due_tasks.drop_task("absence:1")
    assert not due_tasks.drop_task("absence:1")
    assert call(kim, "get", "tasks?open=true").json()["count"] == 0
