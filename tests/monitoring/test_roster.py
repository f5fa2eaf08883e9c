from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerting import resolve
from monitoring.escalation import climb
from monitoring.ladder import Rung
from monitoring.models import AlertDelivery, EmergencyLog
from monitoring.ownership import acknowledge, assign, give_up_owner
from monitoring.roster import Span, find_gaps, gaps_ahead, on_duty
from monitoring.roster_models import Duty
from seniors.models import Role, Senior, Staff
from tests.api_calls import call
from tests.factories import make_staff
from tests.monitoring.emergencies import due_in_s, kinds, let_pass, make_due, raised

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db


def put_on_duty(staff: Staff, rung: str = "first", starts: timedelta = -HOUR, ends: timedelta = HOUR) -> Duty:
    return Duty.objects.create(staff=staff, rung=rung, starts_at=NOW + starts, ends_at=NOW + ends)


def alerted(log: EmergencyLog) -> list[str]:
    """Who was alerted, round by round."""
    rows = AlertDelivery.objects.filter(log=log).order_by("outbox_id", "staff_id")
    return list(rows.values_list("staff__full_name", flat=True))


# -- the roster over HTTP


def test_a_supervisor_puts_people_on_duty_and_takes_them_off(lee: Staff, park: Staff, kim: Staff) -> None:
    shift = {"staff_id": lee.pk, "from": "2099-01-01T09:00:00+09:00", "until": "2099-01-01T18:00:00+09:00"}
    made = call(park, "post", "duties", {**shift, "rung": "first"})
    assert made.status_code == 201
    duty = made.json()
    assert duty == {"duty_id": duty["duty_id"], **shift, "rung": "first"} | {
        name: duty[name] for name in ("from", "until")
    }
    assert datetime.fromisoformat(duty["from"]) == datetime.fromisoformat(str(shift["from"]))
    assert call(park, "post", "duties", {**shift, "rung": "first"}).json()["code"] == "duty_exists"
    listed = call(kim, "get", "duties").json()
    assert (listed["count"], listed["results"]) == (1, [duty])
    assert call(park, "delete", f"duties/{duty['duty_id']}").status_code == 204
    assert call(park, "delete", f"duties/{duty['duty_id']}").status_code == 404
    assert call(kim, "get", "duties").json()["count"] == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rung", "third"),
        ("until", "2099-01-01T09:00:00+09:00"),
        ("from", "soon"),
        ("staff_id", 0),
        ("staff_id", 10**30),
        ("staff_id", "guardian"),
    ],
)
def test_a_shift_that_cannot_be_is_refused_by_its_field(
    park: Staff, guardian: Staff, lee: Staff, field: str, value: Any
) -> None:
    shift = {
        "staff_id": lee.pk,
        "from": "2099-01-01T09:00:00+09:00",
        "until": "2099-01-01T18:00:00+09:00",
        "rung": "first",
    }
    refused = call(park, "post", "duties", shift | {field: guardian.pk if value == "guardian" else value})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])


def test_only_supervisors_write_the_roster_and_the_family_does_not_read_it(
    kim: Staff, guardian: Staff, lee: Staff
) -> None:
    duty = put_on_duty(lee)
    assert call(kim, "post", "duties", {}).status_code == 403
    assert call(kim, "delete", f"duties/{duty.pk}").status_code == 403
    assert call(guardian, "get", "duties").status_code == 403
    assert Client().get("/api/v1/duties").status_code == 401


def test_shifts_that_are_over_are_listed_when_asked_for(park: Staff, lee: Staff) -> None:
    put_on_duty(lee, starts=-3 * HOUR, ends=-2 * HOUR)
    assert call(park, "get", "duties").json()["count"] == 0
    since = (NOW - 4 * HOUR).isoformat().replace("+", "%2B")
    assert call(park, "get", f"duties?from={since}").json()["count"] == 1
    assert call(park, "get", "duties?from=yesterday").status_code == 400


# -- who is on duty


def test_on_duty_is_whose_shift_it_is_now(lee: Staff) -> None:
    put_on_duty(lee, starts=HOUR, ends=2 * HOUR)
    put_on_duty(lee, starts=-2 * HOUR, ends=-HOUR)
    assert list(on_duty()) == []
    put_on_duty(lee)
    assert list(on_duty()) == [lee] == list(on_duty("first"))
    assert list(on_duty("second")) == []
    Staff.objects.filter(pk=lee.pk).update(is_active=False)
    assert list(on_duty()) == []


def test_it_climbs_to_the_first_then_the_second_on_duty_then_supervisors(
    senior: Senior, kim: Staff, lee: Staff, park: Staff
) -> None:
    choi = make_staff(full_name="최은주")
    put_on_duty(lee)
    put_on_duty(choi, "second")
    log = raised(senior)
    waits = []
    for _ in range(4):
        waits.append(round(due_in_s(log) / 10) * 10)
        make_due(log)
        assert climb(log.pk)
    assert waits == [60, 60, 60, 180]
    assert alerted(log)[:4] == [kim.full_name, lee.full_name, choi.full_name, park.full_name]
    assert set(alerted(log)[4:]) == {kim.full_name, lee.full_name, choi.full_name, park.full_name}


def test_without_a_second_on_duty_supervisors_still_come_at_180_s(
    senior: Senior, kim: Staff, lee: Staff, park: Staff
) -> None:
    put_on_duty(lee)
    log = raised(senior)
    for _ in range(3):
        make_due(log)
        assert climb(log.pk)
    assert alerted(log) == [kim.full_name, lee.full_name, park.full_name]
    assert kinds(log) == ["raised", "escalated", "escalated"]


def test_where_nobody_is_first_the_second_come_in_their_place(
    senior: Senior, kim: Staff, lee: Staff, park: Staff
) -> None:
    put_on_duty(lee, "second")
    log = raised(senior)
    make_due(log)
    climb(log.pk)
    assert alerted(log) == [kim.full_name, lee.full_name]
    assert due_in_s(log) == pytest.approx(60, abs=5)


def test_a_senior_without_an_active_caseworker_alerts_those_on_duty_at_once(
    senior: Senior, lee: Staff, park: Staff
) -> None:
    put_on_duty(lee)
    assert alerted(raised(senior)) == [lee.full_name]


def test_the_next_on_duty_is_somebody_else_than_the_caseworker(senior: Senior, kim: Staff, park: Staff) -> None:
    put_on_duty(kim)
    log = raised(senior)
    make_due(log)
    climb(log.pk)
    assert alerted(log) == [kim.full_name, park.full_name]


def test_whoever_is_alerted_on_duty_may_act_until_a_day_after_the_end(senior: Senior, kim: Staff, lee: Staff) -> None:
    put_on_duty(lee)
    log = raised(senior)
    make_due(log)
    climb(log.pk)
    assert senior in Senior.objects.visible_to(lee)
    acknowledge(log.pk, lee)
    resolve(log.pk, lee, "real")
    assert senior in Senior.objects.visible_to(lee)


def test_an_emergency_may_be_handed_to_somebody_on_duty(senior: Senior, kim: Staff, lee: Staff) -> None:
    log = acknowledge(raised(senior).pk, kim)
    put_on_duty(lee)
    assert assign(log.pk, lee, kim).assigned_to == lee


def test_an_owner_who_fell_silent_is_followed_by_somebody_at_once(
    senior: Senior, kim: Staff, lee: Staff, park: Staff
) -> None:
    """Nobody is second on duty; that quiet rung is for timed steps alone."""

    put_on_duty(lee)
    log = raised(senior)
    make_due(log)
    climb(log.pk)
    acknowledge(log.pk, lee)
    let_pass(log, "ask_expires_at", seconds=1)
    assert give_up_owner(log.pk)
    assert alerted(log)[-1] == park.full_name
    log.refresh_from_db()
    assert log.rung == Rung.SUPERVISORS


# -- gaps


def test_a_gap_is_where_nobody_is_first_on_duty(lee: Staff) -> None:
    assert gaps_ahead(NOW, 4 * HOUR) == [(NOW, NOW + 4 * HOUR)]
    put_on_duty(lee)
    put_on_duty(lee, "second", ends=4 * HOUR)
    put_on_duty(lee, starts=2 * HOUR, ends=3 * HOUR)
    put_on_duty(make_staff(Role.GUARDIAN), ends=4 * HOUR)
    assert gaps_ahead(NOW, 4 * HOUR) == [(NOW + HOUR, NOW + 2 * HOUR), (NOW + 3 * HOUR, NOW + 4 * HOUR)]


hours = st.integers(-3, 12)


@given(st.lists(st.tuples(hours, st.integers(1, 5)), max_size=6))
def test_every_hour_is_either_in_a_shift_or_in_a_gap(spans: list[tuple[int, int]]) -> None:
    shifts = [Span(NOW + start * HOUR, NOW + (start + length) * HOUR) for start, length in spans]
    gaps = find_gaps(shifts, NOW, NOW + 10 * HOUR)
    for hour in range(10):
        middle = NOW + hour * HOUR + HOUR / 2
        served = any(start <= middle < end for start, end in shifts)
        open_ = sum(start <= middle < end for start, end in gaps)
        assert open_ == (0 if served else 1)
