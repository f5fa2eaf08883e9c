from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from devices import safety_checks
from monitoring import watchdog
from monitoring.alerting import AnotherUnresolved, NotResolved, reopen, resolve
from monitoring.camera_views import judge_view
from monitoring.models import AlertDelivery, EmergencyLog, Outbox, Progress
from monitoring.ownership import (
    NotAssignable,
    NotOwner,
    SnoozeOutOfRange,
    acknowledge,
    assign,
    report_progress,
    snooze,
)
from monitoring.transitions import AlreadyResolved
from seniors.enrollment import map_staff
from tests.factories import make_staff
from tests.monitoring.emergencies import again, due_in_s, kinds, let_pass, raised

if TYPE_CHECKING:
    from devices.models import IoTHub
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])


@pytest.fixture
def log(senior: Senior, kim: Staff, park: Staff) -> EmergencyLog:
    """Taken by the caseworker."""
    return acknowledge(raised(senior).pk, kim)


@pytest.fixture
def choi(senior: Senior) -> Staff:
    """The caseworker's colleague, mapped to the same senior."""
    staff = make_staff(full_name="최은주")
    map_staff(staff, senior)
    return staff


def sweep_after(log: EmergencyLog, column: str) -> EmergencyLog:
    """One round of the watchdog when that due time has come."""
    let_pass(log, column, seconds=1)
    watchdog.sweep()
    log.refresh_from_db()
    return log


def minutes_until(moment: datetime | None) -> float:
    assert moment is not None
    return (moment - datetime.now(UTC)).total_seconds() / 60


def ahead(**span: float) -> datetime:
    return datetime.now(UTC) + timedelta(**span)


def alerted(log: EmergencyLog) -> list[str]:
    rows = AlertDelivery.objects.filter(log=log).order_by("created_at").select_related("staff")
    return [f"{row.staff.full_name} {row.reason}" for row in rows]


# -- the question


def test_an_owner_of_whom_nothing_is_seen_for_5_minutes_is_asked_once(log: EmergencyLog, kim: Staff) -> None:
    assert minutes_until(log.ask_due_at) == pytest.approx(5, abs=0.1)
    sweep_after(log, "ask_due_at")
    assert minutes_until(log.ask_expires_at) == pytest.approx(1, abs=0.1)
    (question,) = Outbox.objects.filter(kind="ask")
    assert (question.only_for, question.expires_at) == (kim, log.ask_expires_at)
    report_progress(log.pk, kim, Progress.STILL_ON_IT)
    log.refresh_from_db()
    assert (log.ask_due_at, log.ask_expires_at, log.status) == (None, None, "acknowledged")


def test_an_owner_who_does_not_answer_loses_it_and_it_climbs_on(log: EmergencyLog) -> None:
    sweep_after(log, "ask_due_at")
    sweep_after(log, "ask_expires_at")
    assert (log.status, log.acknowledged_by, log.acknowledged_at) == ("open", None, None)
    assert kinds(log)[-2:] == ["owner_silent", "escalated"]
    assert alerted(log)[-1] == "박지현 escalated"
    assert due_in_s(log) == pytest.approx(180, abs=5)


def test_whoever_is_on_the_way_is_not_asked_for_30_minutes(log: EmergencyLog, kim: Staff) -> None:
    sweep_after(log, "ask_due_at")
    report_progress(log.pk, kim, Progress.ON_MY_WAY)
    log.refresh_from_db()
    assert minutes_until(log.ask_due_at) == pytest.approx(30, abs=0.1)
    assert log.ask_expires_at is None


@pytest.mark.parametrize("act", ["check", "camera", "progress"])
def test_what_the_owner_does_puts_the_question_off(
    log: EmergencyLog, kim: Staff, hub: IoTHub, senior: Senior, act: str
) -> None:
    let_pass(log, "ask_due_at", minutes=-1)
    if act == "check":
        safety_checks.request(senior, kim)
    elif act == "camera":
        judge_view(kim, senior.pk, "대답이 없어 확인")
    else:
        report_progress(log.pk, kim, Progress.CALLED_119)
    log.refresh_from_db()
    assert minutes_until(log.ask_due_at) == pytest.approx(5, abs=0.1)


def test_what_a_colleague_does_is_not_the_owners_doing(log: EmergencyLog, choi: Staff, hub: IoTHub) -> None:
    let_pass(log, "ask_due_at", minutes=-1)
    safety_checks.request(log.senior, choi)
    log.refresh_from_db()
    assert minutes_until(log.ask_due_at) == pytest.approx(1, abs=0.1)


def test_only_the_owner_says_what_they_do(log: EmergencyLog, kim: Staff, park: Staff) -> None:
    with pytest.raises(NotOwner):
        report_progress(log.pk, park, Progress.ON_SITE)
    resolve(log.pk, kim, "real")
    with pytest.raises(AlreadyResolved):
        report_progress(log.pk, kim, Progress.ON_SITE)


def test_supervisors_hear_each_hour_of_what_is_taken_and_not_resolved(log: EmergencyLog) -> None:
    assert minutes_until(log.remind_due_at) == pytest.approx(60, abs=0.1)
    sweep_after(log, "remind_due_at")
    assert (log.status, kinds(log)[-1], alerted(log)[-1]) == ("acknowledged", "reminded", "박지현 escalated")
    assert minutes_until(log.remind_due_at) == pytest.approx(60, abs=0.1)


def test_an_end_leaves_nothing_due(log: EmergencyLog, kim: Staff, choi: Staff) -> None:
    assign(log.pk, choi, kim)
    resolve(log.pk, kim, "real")
    log.refresh_from_db()
    assert {log.ask_due_at, log.remind_due_at, log.assign_due_at, log.step_due_at, log.assigned_to} == {None}


# -- the snooze


@pytest.mark.parametrize(("event_type", "longest"), [("inactivity", 60), ("sos", 10)])
def test_a_snooze_lasts_60_minutes_at_most_and_10_when_it_is_critical(
    senior: Senior, kim: Staff, event_type: str, longest: int
) -> None:
    log = acknowledge(raised(senior, event_type=event_type).pk, kim)
    for until in (ahead(minutes=longest + 1), ahead(minutes=-1)):
        with pytest.raises(SnoozeOutOfRange):
            snooze(log.pk, kim, until)
    quiet = snooze(log.pk, kim, ahead(minutes=longest, seconds=-5))
    assert (quiet.status, quiet.ask_due_at) == ("acknowledged", None)


def test_at_the_end_of_a_snooze_it_is_open_and_climbs_on(log: EmergencyLog, kim: Staff) -> None:
    snooze(log.pk, kim, ahead(minutes=30))
    sweep_after(log, "snoozed_until")
    assert (log.status, log.acknowledged_by, log.snoozed_until) == ("open", None, None)
    assert (kinds(log)[-2:], alerted(log)[-1]) == (["snooze_ended", "escalated"], "박지현 escalated")


def test_any_new_source_ends_a_snooze(log: EmergencyLog, kim: Staff) -> None:
    snooze(log.pk, kim, ahead(minutes=30))
    again(log)
    assert (log.status, log.snoozed_until, kinds(log)[-1]) == ("open", None, "reopened")
    assert alerted(log)[-1] == "김미영 reopened"


def test_only_the_owner_may_quiet_it(senior: Senior, kim: Staff, park: Staff) -> None:
    log = raised(senior)
    with pytest.raises(NotOwner):
        snooze(log.pk, kim, ahead(minutes=5))
    acknowledge(log.pk, kim)
    with pytest.raises(NotOwner):
        snooze(log.pk, park, ahead(minutes=5))


# -- the hand-over


def test_it_passes_when_the_other_takes_it(log: EmergencyLog, kim: Staff, choi: Staff) -> None:
    reminder = log.remind_due_at
    assert assign(log.pk, choi, kim).acknowledged_by == kim
    assert alerted(log)[-1] == "최은주 assigned"
    taken = acknowledge(log.pk, choi)
    assert (taken.acknowledged_by, taken.assigned_to, taken.remind_due_at) == (choi, None, reminder)
    assert minutes_until(taken.ask_due_at) == pytest.approx(5, abs=0.1)


def test_not_taken_within_60_s_it_stays_and_the_giver_is_told(log: EmergencyLog, kim: Staff, choi: Staff) -> None:
    assign(log.pk, choi, kim)
    sweep_after(log, "assign_due_at")
    assert (log.acknowledged_by, log.assigned_to, kinds(log)[-1]) == (kim, None, "assign_lapsed")
    assert alerted(log)[-1] == "김미영 assigned"
    assert acknowledge(log.pk, choi).acknowledged_by == kim


def test_nobody_takes_what_was_handed_to_another(log: EmergencyLog, kim: Staff, choi: Staff, park: Staff) -> None:
    assign(log.pk, choi, kim)
    assert acknowledge(log.pk, park).acknowledged_by == kim


def test_it_is_handed_to_active_people_of_that_senior_alone(
    log: EmergencyLog, kim: Staff, lee: Staff, guardian: Staff, choi: Staff
) -> None:
    choi.is_active = False
    choi.save()
    for stranger in (lee, guardian, choi):
        with pytest.raises(NotAssignable):
            assign(log.pk, stranger, kim)


# -- the undoing of a resolution


def test_a_resolution_undone_is_open_and_alerts_anew(log: EmergencyLog, kim: Staff, park: Staff) -> None:
    resolve(log.pk, kim, "false_alarm")
    again_open = reopen(log.pk, park, "다른 댁이었습니다.")
    assert (again_open.status, again_open.outcome, again_open.resolved_at) == ("open", "", None)
    assert (kinds(log)[-1], alerted(log)[-1]) == ("reopened", "김미영 reopened")
    with pytest.raises(NotResolved):
        reopen(log.pk, park)


def test_a_test_whose_resolution_is_undone_is_taken_as_real(senior: Senior, kim: Staff) -> None:
    log = raised(senior, event_type="sos", tested_by=kim)
    resolve(log.pk, kim, "test")
    assert reopen(log.pk, kim).test is False


def test_beside_an_unresolved_one_of_its_kind_it_stays_resolved(log: EmergencyLog, kim: Staff, senior: Senior) -> None:
    resolve(log.pk, kim, "real")
    raised(senior)
    with pytest.raises(AnotherUnresolved):
        reopen(log.pk, kim)
