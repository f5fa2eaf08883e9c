from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db.models.functions import Now

from monitoring.alerting import resolve
from monitoring.models import EmergencyTransition
from monitoring.ownership import acknowledge
from monitoring.response_times import as_csv, live, report, week_of
from tests.factories import make_senior, make_staff
from tests.monitoring.emergencies import raised

if TYPE_CHECKING:
    from django.test import Client

    from monitoring.models import EmergencyLog
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db
START = datetime.now(UTC) - timedelta(days=30)


def taken_after(seconds: float, by: Staff, **fields: object) -> EmergencyLog:
    log = raised(make_senior(), **fields)
    acknowledge(log.pk, by)
    raised_at = EmergencyTransition.objects.filter(log=log, kind="raised")
    raised_at.update(at=Now() - timedelta(seconds=seconds))
    return log


def waiting_for(seconds: float) -> EmergencyLog:
    log = raised(make_senior())
    EmergencyTransition.objects.filter(log=log, kind="raised").update(at=Now() - timedelta(seconds=seconds))
    return log


def until() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=5)


def test_the_shares_are_of_what_was_taken_in_time(kim: Staff) -> None:
    for seconds in (10, 59, 61, 200):
        taken_after(seconds, kim)
    line = report(START, until()).whole
    assert [(share.limit_s, share.met, share.counted) for share in line.shares] == [(60, 2, 4), (180, 3, 4)]
    assert [share.value for share in line.shares] == [0.5, 0.75]
    assert [share.is_kept for share in line.shares] == [False, False]
    assert line.longest_s == pytest.approx(200, abs=5)


def test_one_that_waits_is_missed_as_soon_as_its_time_is_over() -> None:
    waiting_for(30)
    waiting_for(90)
    line = live()
    assert [(share.met, share.counted) for share in line.shares] == [(0, 1), (0, 0)]
    assert (line.emergencies, line.waiting, line.median_s) == (2, 2, None)
    assert line.shares[1].value is None


def test_what_can_wait_and_tests_are_not_counted(kim: Staff) -> None:
    taken_after(900, kim, event_type="routine_change", severity="medium")
    taken_after(900, kim, tested_by=kim)
    resolve(taken_after(900, kim).pk, kim, "test")
    assert report(START, until()).whole.emergencies == 0


def test_a_resolution_outright_is_a_taking(kim: Staff) -> None:
    resolve(raised(make_senior()).pk, kim, "real")
    assert report(START, until()).people[0].shares[0].met == 1


def test_who_took_it_first_stands_by_name(kim: Staff) -> None:
    other = make_staff(full_name="가나다")
    taken_after(10, kim)
    taken_after(100, other)
    waiting_for(500)
    people = report(START, until()).people
    assert [(line.name, line.shares[0].met, line.shares[0].counted) for line in people] == [
        ("가나다", 0, 1),
        ("김미영", 1, 1),
    ]


def test_weeks_begin_on_monday_in_korea() -> None:
    assert week_of(datetime(2026, 11, 22, 14, 59, tzinfo=UTC)).isoformat() == "2026-11-16"  # Sunday, 23:59 in Seoul
    assert week_of(datetime(2026, 11, 22, 15, 0, tzinfo=UTC)).isoformat() == "2026-11-23"


def test_weeks_stand_in_their_order(kim: Staff) -> None:
    taken_after(10, kim)
    old = taken_after(10, kim)
    EmergencyTransition.objects.filter(log=old, kind="raised").update(at=Now() - timedelta(days=14))
    weeks = report(START, until()).weeks
    assert [line.emergencies for line in weeks] == [1, 1]
    assert weeks[0].name < weeks[1].name


def test_a_name_that_looks_like_a_formula_is_none(kim: Staff) -> None:
    taken_after(10, make_staff(full_name="=HYPERLINK(1)"))
    assert "'=HYPERLINK(1)" in as_csv(report(START, until()))


def test_supervisors_read_it_and_the_reading_leaves_a_trace(
    client: Client, senior: Senior, kim: Staff, park: Staff
) -> None:
    taken_after(10, kim)
    client.force_login(park)
    told = client.get("/api/v1/reports/response-times").json()
    assert told["whole"]["shares"][0] == {
        "limit_s": 60,
        "met": 1,
        "counted": 1,
        "value": 1.0,
        "promised": 0.975,
        "is_kept": True,
    }
    table = client.get("/api/v1/reports/response-times.csv")
    assert table["Content-Type"] == "text/csv; charset=utf-8"
    assert table.content.decode().startswith("\ufeffkind,name,emergencies")
    assert "person,김미영,1,0,1,1,1.0" in table.content.decode()


@pytest.mark.parametrize("path", ["/api/v1/reports/response-times", "/api/v1/reports/response-times.csv"])
def test_nobody_else_reads_it(client: Client, kim: Staff, guardian: Staff, path: str) -> None:
    assert client.get(path).status_code == 401
    for person in (kim, guardian):
        client.force_login(person)
        assert client.get(path).status_code == 403
