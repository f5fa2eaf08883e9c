from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from monitoring.escalation import climb, due_to_climb
from monitoring.ladder import Rung, next_step, times_for
from monitoring.ladder_limits import LIMITS
from monitoring.models import AlertDelivery, EmergencyLog
from monitoring.ownership import acknowledge
from seniors.models import Role, Staff
from tests.factories import make_staff
from tests.monitoring.emergencies import due_in_s, kinds, let_pass, make_due, raised

if TYPE_CHECKING:
    from seniors.models import Senior


def people(log: EmergencyLog) -> list[str]:
    """Who was alerted, in order, and why."""
    rows = AlertDelivery.objects.filter(log=log).order_by("created_at", "staff__email")
    return [f"{row.staff.full_name} {row.reason}" for row in rows.select_related("staff")]


# -- the rules


@pytest.mark.parametrize("severity", ["critical", "high"])
def test_the_next_on_duty_come_at_60_s_and_supervisors_at_180_s(severity: str) -> None:
    times = times_for(severity)
    assert next_step(times, Rung.CASEWORKERS) == (Rung.FIRST, 60)
    assert next_step(times, Rung.FIRST) == (Rung.SECOND, 60)
    assert next_step(times, Rung.SECOND) == (Rung.SUPERVISORS, 60)


def test_a_medium_one_takes_15_and_60_minutes() -> None:
    times = times_for("medium")
    assert next_step(times, Rung.CASEWORKERS) == (Rung.FIRST, 900)
    assert next_step(times, Rung.FIRST).wait_s + next_step(times, Rung.SECOND).wait_s == 2700


@pytest.mark.parametrize("rung", [Rung.SUPERVISORS, Rung.EVERYBODY])
@pytest.mark.parametrize("severity", ["critical", "high", "medium"])
def test_then_everybody_each_180_s(severity: str, rung: Rung) -> None:
    assert next_step(times_for(severity), rung) == (Rung.EVERYBODY, 180)


times_s = st.none() | st.integers(0, 10_000)
policies = st.lists(st.fixed_dictionaries(dict.fromkeys(LIMITS, times_s)), max_size=3)


@given(policies, st.sampled_from(["critical", "high", "medium"]))
def test_no_policy_makes_any_step_later_or_turns_the_order_round(
    chosen: list[dict[str, int | None]], severity: str
) -> None:
    usual, times = times_for(severity), times_for(severity, chosen)
    assert all(mine <= theirs for mine, theirs in zip(times, usual, strict=True))
    assert 0 <= times.first_s <= times.second_s <= times.supervisors_s


def test_the_soonest_of_two_policies_counts() -> None:
    times = times_for("high", [{"first_s": 40, "supervisors_s": None}, {"first_s": 50, "supervisors_s": 100}])
    assert (times.first_s, times.second_s, times.supervisors_s) == (40, 70, 100)


# -- the climb


@pytest.mark.django_db
def test_it_climbs_from_the_caseworker_to_supervisors_to_everybody(senior: Senior, kim: Staff, park: Staff) -> None:
    log = raised(senior)
    assert people(log) == ["김미영 raised"]
    assert not climb(log.pk)
    assert due_in_s(log) == pytest.approx(60, abs=5)
    make_due(log)
    assert due_to_climb() == [log.pk]
    assert climb(log.pk)  # nobody is on duty: that rung is skipped
    assert people(log)[1:] == ["박지현 escalated"]
    assert due_in_s(log) == pytest.approx(180, abs=5)
    for _ in range(2):
        make_due(log)
        assert climb(log.pk)
        assert sorted(people(log)[-2:]) == ["김미영 escalated", "박지현 escalated"]
    assert kinds(log) == ["raised", "escalated", "escalated", "escalated"]


@pytest.mark.django_db
@pytest.mark.parametrize(("late_s", "next_in_s"), [(1.5, 178.5), (9.0, 171.0), (600.0, 170.0)])
def test_a_late_sweep_makes_no_later_step_late(
    senior: Senior, kim: Staff, park: Staff, late_s: float, next_in_s: float
) -> None:
    log = raised(senior)
    let_pass(log, "step_due_at", seconds=late_s)
    assert climb(log.pk)
    assert due_in_s(log) == pytest.approx(next_in_s, abs=1)


@pytest.mark.django_db
def test_a_senior_without_an_active_caseworker_alerts_supervisors_at_once(senior: Senior, park: Staff) -> None:
    assert people(raised(senior)) == ["박지현 raised"]


@pytest.mark.django_db
def test_an_inactive_caseworker_is_nobody(senior: Senior, kim: Staff, park: Staff) -> None:
    Staff.objects.filter(pk=kim.pk).update(is_active=False)
    assert people(raised(senior)) == ["박지현 raised"]


@pytest.mark.django_db
def test_guardians_are_never_alerted(senior: Senior, guardian: Staff, park: Staff) -> None:
    log = raised(senior)
    for _ in range(3):
        make_due(log)
        climb(log.pk)
    assert {line.split()[0] for line in people(log)} == {"박지현"}


@pytest.mark.django_db
def test_an_operator_counts_as_a_supervisor(senior: Senior) -> None:
    make_staff(Role.SUPERVISOR, full_name="운영자", is_superuser=True)
    assert people(raised(senior)) == ["운영자 raised"]


@pytest.mark.django_db
def test_where_nobody_is_there_at_all_it_goes_on_looking(senior: Senior) -> None:
    log = raised(senior)
    assert due_in_s(log) == pytest.approx(180, abs=5)
    boss = make_staff(Role.SUPERVISOR)
    make_due(log)
    assert climb(log.pk)
    assert people(log) == [f"{boss.full_name} escalated"]


@pytest.mark.django_db
def test_an_acknowledged_one_climbs_no_further(senior: Senior, kim: Staff) -> None:
    log = raised(senior)
    make_due(log)
    acknowledge(log.pk, kim)
    assert due_to_climb() == []
    assert not climb(log.pk)


@pytest.mark.django_db(transaction=True)
def test_two_watchdogs_at_once_never_take_a_step_twice(senior: Senior, kim: Staff, park: Staff) -> None:
    log = raised(senior)
    make_due(log)

    def take_step() -> bool:
        try:
            return climb(log.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as watchdogs:
        steps = list(watchdogs.map(lambda _: take_step(), range(8)))
    assert sum(steps) == 1
    assert people(log)[1:] == ["박지현 escalated"]
