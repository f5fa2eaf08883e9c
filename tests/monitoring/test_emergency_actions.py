from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from devices.database_threads import in_database_thread
from monitoring import watchdog
from monitoring.alerting import resolve
from monitoring.models import EmergencyLog, EmergencyTransition
from monitoring.ownership import acknowledge
from seniors.enrollment import map_staff
from tests.factories import make_staff
from tests.monitoring.emergencies import let_pass, raised
from tests.monitoring.staff_sockets import page_of
from tests.monitoring.test_emergency_api import code, post

if TYPE_CHECKING:
    from seniors.models import Senior, Staff


@pytest.fixture
def log(senior: Senior, kim: Staff, park: Staff) -> EmergencyLog:
    """Taken by the caseworker."""
    return acknowledge(raised(senior).pk, kim)


@pytest.mark.django_db
def test_the_owner_says_what_they_do(log: EmergencyLog, kim: Staff, park: Staff) -> None:
    path = f"emergencies/{log.pk}/progress"
    answer = post(kim, path, {"state": "on_my_way", "note": "10분 뒤 도착"})
    assert (answer.status_code, answer.json()["acknowledged_by"]) == (200, kim.pk)
    line = EmergencyTransition.objects.get(log=log, kind="progress")
    assert (line.by, line.detail) == (kim, {"state": "on_my_way", "note": "10분 뒤 도착"})
    assert code(post(park, path, {"state": "on_site"})) == (409, "not_owner")
    assert post(kim, path, {"state": "asleep"}).status_code == 400


@pytest.mark.django_db
def test_a_snooze_is_refused_with_what_would_do(log: EmergencyLog, kim: Staff, park: Staff) -> None:
    path = f"emergencies/{log.pk}/snooze"
    soon = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
    late = (datetime.now(UTC) + timedelta(minutes=90)).isoformat()
    assert code(post(park, path, {"until": soon})) == (409, "not_owner")
    refused = post(kim, path, {"until": late})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["until"])
    assert post(kim, path, {"until": soon}).status_code == 200


@pytest.mark.django_db
def test_it_is_handed_over_and_taken(log: EmergencyLog, kim: Staff, senior: Senior) -> None:
    choi = make_staff(full_name="최은주")
    path = f"emergencies/{log.pk}/assign"
    assert list(post(kim, path, {"staff_id": choi.pk}).json()["errors"]) == ["staff_id"]
    assert list(post(kim, path, {"staff_id": 999_999}).json()["errors"]) == ["staff_id"]
    map_staff(choi, senior)
    assert post(kim, path, {"staff_id": choi.pk}).json()["acknowledged_by"] == kim.pk
    assert post(choi, f"emergencies/{log.pk}/acknowledge").json()["acknowledged_by"] == choi.pk


@pytest.mark.django_db
def test_a_resolution_is_undone(log: EmergencyLog, kim: Staff) -> None:
    path = f"emergencies/{log.pk}/reopen"
    assert code(post(kim, path, {"note": "아직"})) == (409, "not_resolved")
    resolve(log.pk, kim, "real")
    answer = post(kim, path, {"note": "다시 쓰러지심"}).json()
    assert (answer["status"], answer["outcome"], answer["resolved_by"]) == ("open", None, None)


@pytest.mark.django_db
@pytest.mark.parametrize("action", ["progress", "snooze", "assign", "reopen"])
def test_guardians_and_strangers_do_nothing_about_it(
    log: EmergencyLog, guardian: Staff, lee: Staff, action: str
) -> None:
    assert post(guardian, f"emergencies/{log.pk}/{action}").status_code == 403
    assert post(lee, f"emergencies/{log.pk}/{action}").status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_the_owner_alone_is_asked_over_the_socket_and_answers_there(
    senior: Senior, kim: Staff, park: Staff
) -> None:
    log = await in_database_thread(raised, senior)
    await in_database_thread(acknowledge, log.pk, kim)
    await in_database_thread(lambda: let_pass(log, "ask_due_at", seconds=1))
    async with page_of(park) as other:
        async with page_of(kim) as page:
            await in_database_thread(watchdog.sweep)
            question = await page.receive("emergency.ask")
            assert set(question) == {"type", "seq", "log_id", "expires_at"}
            assert question["log_id"] == log.pk
            assert await other.hears_nothing()
        async with page_of(kim) as page:  # a page that was reloaded is asked again, with the same seq
            assert (await page.receive("emergency.ask"))["seq"] == question["seq"]
            await page.send("emergency.progress", log_id=log.pk, state="still_on_it")
            await page.receive("emergency.changed")
    await in_database_thread(log.refresh_from_db)
    assert log.ask_expires_at is None


@pytest.mark.django_db(transaction=True)
async def test_what_cannot_be_said_of_it_is_answered_by_an_error(senior: Senior, kim: Staff) -> None:
    log = await in_database_thread(raised, senior)
    async with page_of(kim) as page:
        await page.receive("emergency.raised")
        await page.send("emergency.progress", id="1", log_id=log.pk, state="on_site")
        assert (await page.receive("error"))["code"] == "not_owner"
        await page.send("emergency.progress", id="2", log_id=log.pk, state="asleep")
        assert (await page.receive("error"))["code"] == "malformed"
