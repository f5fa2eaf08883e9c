from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from monitoring.alerting import UnknownSenior, raise_emergency, resolve
from monitoring.models import AlertDelivery, EmergencyLog, EmergencySource, Outbox
from monitoring.ownership import acknowledge
from monitoring.transitions import AlreadyResolved
from seniors.enrollment import unmap_staff
from tests.factories import make_senior
from tests.monitoring.emergencies import again, cause, due_in_s, kinds, let_pass, raised

if TYPE_CHECKING:
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])


# -- raising


def test_an_emergency_is_raised_open_with_the_severity_of_its_type(senior: Senior) -> None:
    log = raised(senior, event_type="fall_detection", severity="medium")
    assert (log.status, log.severity, log.repeats, log.test) == ("open", "critical", 0, False)
    assert kinds(log) == ["raised"]


def test_a_severity_above_that_of_its_type_is_kept(senior: Senior) -> None:
    assert raised(senior, event_type="routine_change", severity="critical").severity == "critical"


def test_a_detectors_word_on_when_it_detected_is_kept(senior: Senior) -> None:
    moment = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    assert raised(senior, detected_at=moment).detected_at == moment
    assert abs(raised(make_senior()).detected_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_known_source_changes_nothing(senior: Senior) -> None:
    log = raised(senior, source="once")
    assert not raise_emergency(cause(senior, source="once", severity="critical")).changed
    log.refresh_from_db()
    assert (log.repeats, log.severity, kinds(log), Outbox.objects.count()) == (0, "high", ["raised"], 1)


@pytest.mark.parametrize("status", ["acknowledged", "resolved"])
def test_a_known_source_changes_nothing_whatever_the_status(senior: Senior, kim: Staff, status: str) -> None:
    log = raised(senior, source="once", event_type="sos")
    acknowledge(log.pk, kim)
    if status == "resolved":
        resolve(log.pk, kim, "real")
    again(log, source="once", is_panic=True)
    assert (log.status, EmergencyLog.objects.count()) == (status, 1)


def test_a_new_source_of_the_same_type_is_counted_on_the_unresolved_one(senior: Senior) -> None:
    log = again(again(raised(senior)))
    assert (log.repeats, log.status, kinds(log)) == (2, "open", ["raised", "repeated", "repeated"])
    assert EmergencyLog.objects.count() == 1
    assert EmergencySource.objects.filter(log=log).count() == 3


def test_another_type_and_another_senior_have_their_own(senior: Senior) -> None:
    logs = [raised(senior), raised(senior, event_type="sos"), raised(make_senior())]
    assert len({log.pk for log in logs}) == 3


def test_severity_rises_and_never_falls(senior: Senior) -> None:
    log = again(raised(senior), severity="critical")
    assert log.severity == "critical"
    assert again(log, severity="medium").severity == "critical"


def test_a_medium_one_that_becomes_graver_climbs_as_fast_as_its_new_severity(senior: Senior, kim: Staff) -> None:
    log = raised(senior, event_type="night_wandering", severity="medium")
    assert due_in_s(log) == pytest.approx(15 * 60, abs=5)
    again(log, severity="high")
    assert due_in_s(log) == pytest.approx(60, abs=5)


def test_a_step_that_is_due_soon_is_not_put_off_by_a_graver_source(senior: Senior, kim: Staff) -> None:
    log = raised(senior)
    let_pass(log, "step_due_at", seconds=-10)
    again(log, severity="critical")
    assert due_in_s(log) == pytest.approx(10, abs=5)


def test_a_senior_who_is_not_there_cannot_have_one(senior: Senior) -> None:
    for senior_id in (senior.pk + 1000, 10**12):
        with pytest.raises(UnknownSenior):
            raise_emergency(cause(senior, senior_id=senior_id))


# -- acknowledging


def test_who_acknowledges_owns_it_and_the_ladder_stops(senior: Senior, kim: Staff) -> None:
    log = acknowledge(raised(senior).pk, kim)
    assert (log.status, log.acknowledged_by, log.step_due_at) == ("acknowledged", kim, None)
    assert log.acknowledged_at is not None
    assert kinds(log) == ["raised", "acknowledged"]


def test_a_second_person_leaves_the_first_owner_unchanged(senior: Senior, kim: Staff, park: Staff) -> None:
    first = acknowledge(raised(senior).pk, kim)
    for person in (park, kim):
        log = acknowledge(first.pk, person)
        assert (log.acknowledged_by, log.acknowledged_at) == (kim, first.acknowledged_at)
    assert kinds(first) == ["raised", "acknowledged"]


def test_a_resolved_one_cannot_be_acknowledged(senior: Senior, kim: Staff, park: Staff) -> None:
    log = resolve(raised(senior).pk, kim, "real")
    with pytest.raises(AlreadyResolved):
        acknowledge(log.pk, park)


# -- reopening


def acknowledged(senior: Senior, by: Staff, **fields: object) -> EmergencyLog:
    return acknowledge(raised(senior, **fields).pk, by)


def test_a_new_source_soon_after_the_acknowledgement_only_repeats(senior: Senior, kim: Staff) -> None:
    log = acknowledged(senior, kim)
    let_pass(log, "acknowledged_at", minutes=29)
    again(log)
    assert (log.status, log.acknowledged_by, log.repeats) == ("acknowledged", kim, 1)


def assert_reopened(log: EmergencyLog, *alerted: Staff) -> None:
    assert (log.status, log.acknowledged_by, log.acknowledged_at) == ("open", None, None)
    assert kinds(log)[-1] == "reopened"
    assert log.step_due_at is not None
    newest = AlertDelivery.objects.filter(outbox=Outbox.objects.latest("pk"))
    assert {delivery.staff for delivery in newest} == set(alerted)
    assert {delivery.reason for delivery in newest} == {"reopened"}


def test_later_than_30_minutes_after_the_acknowledgement_it_reopens(senior: Senior, kim: Staff) -> None:
    log = acknowledged(senior, kim)
    let_pass(log, "acknowledged_at", minutes=30, seconds=1)
    assert_reopened(again(log), kim)


def test_a_panic_event_reopens_at_once(senior: Senior, kim: Staff) -> None:
    assert_reopened(again(acknowledged(senior, kim, event_type="sos"), is_panic=True), kim)


def test_a_higher_severity_reopens_at_once(senior: Senior, kim: Staff) -> None:
    assert_reopened(again(acknowledged(senior, kim), severity="critical"), kim)


def test_a_higher_stage_of_an_episode_alerts_the_owner_afresh_and_leaves_it_theirs(
    senior: Senior, kim: Staff, park: Staff
) -> None:
    log = again(acknowledged(senior, park), is_episode=True, stage=1)
    assert (log.status, log.acknowledged_by, log.repeats) == ("acknowledged", park, 1)
    newest = AlertDelivery.objects.filter(outbox=Outbox.objects.latest("pk"))
    assert [delivery.staff for delivery in newest] == [park]
    assert log.ask_due_at is not None


def test_a_higher_stage_whose_owner_lost_the_senior_reopens(senior: Senior, kim: Staff, park: Staff) -> None:
    log = acknowledged(senior, kim)
    unmap_staff(kim.pk, senior.pk)
    assert_reopened(again(log, is_episode=True, stage=1), park)


def test_an_owner_who_lost_the_senior_is_not_alerted_again(senior: Senior, kim: Staff, park: Staff) -> None:
    log = acknowledged(senior, kim)
    unmap_staff(kim.pk, senior.pk)
    assert_reopened(again(log, severity="critical"), park)


# -- resolving


def test_resolving_an_open_one_acknowledges_it_too(senior: Senior, kim: Staff) -> None:
    log = resolve(raised(senior).pk, kim, "false_alarm", "주무시고 계셨음")
    assert (log.status, log.outcome, log.resolved_by, log.acknowledged_by) == ("resolved", "false_alarm", kim, kim)
    assert log.acknowledged_at is not None
    assert log.resolved_at is not None
    assert log.step_due_at is None


def test_resolving_one_of_another_keeps_its_owner(senior: Senior, kim: Staff, park: Staff) -> None:
    log = resolve(acknowledged(senior, kim).pk, park, "real")
    assert (log.acknowledged_by, log.resolved_by) == (kim, park)


def test_the_same_outcome_again_changes_nothing_and_the_first_note_stays(
    senior: Senior, kim: Staff, park: Staff
) -> None:
    first = resolve(raised(senior).pk, kim, "real", "first")
    second = resolve(first.pk, park, "real", "second")
    assert (second.resolved_by, second.resolved_at) == (kim, first.resolved_at)
    (note,) = first.transitions.filter(kind="resolved").values_list("detail", flat=True)
    assert note == {"outcome": "real", "note": "first"}


def test_another_outcome_is_refused(senior: Senior, kim: Staff) -> None:
    log = resolve(raised(senior).pk, kim, "real")
    with pytest.raises(AlreadyResolved):
        resolve(log.pk, kim, "test")
    log.refresh_from_db()
    assert log.outcome == "real"


def test_after_resolution_a_new_source_is_a_new_emergency(senior: Senior, kim: Staff) -> None:
    log = resolve(raised(senior).pk, kim, "real")
    assert raised(senior).pk != log.pk


# -- episodes that last on


def resolved_episode(senior: Senior, by: Staff, outcome: str) -> EmergencyLog:
    return resolve(raised(senior, source="episode", is_episode=True).pk, by, outcome)


def lasts_on(senior: Senior, *, home_is_silent: bool = False) -> bool:
    return raise_emergency(cause(senior, source="episode", is_episode=True, home_is_silent=home_is_silent)).changed


def test_an_episode_that_lasts_raises_anew_6_hours_after_its_resolution(senior: Senior, kim: Staff) -> None:
    log = resolved_episode(senior, kim, "real")
    let_pass(log, "resolved_at", hours=5, minutes=59)
    assert not lasts_on(senior, home_is_silent=True)
    let_pass(log, "resolved_at", hours=6, seconds=1)
    assert lasts_on(senior)
    assert EmergencyLog.objects.count() == 2
    assert not lasts_on(senior)


def test_after_a_false_alarm_2_hours_are_enough_while_the_home_is_silent(senior: Senior, kim: Staff) -> None:
    log = resolved_episode(senior, kim, "false_alarm")
    let_pass(log, "resolved_at", hours=1, minutes=59)
    assert not lasts_on(senior, home_is_silent=True)
    let_pass(log, "resolved_at", hours=2, seconds=1)
    assert not lasts_on(senior, home_is_silent=False)
    assert lasts_on(senior, home_is_silent=True)


def test_what_is_no_episode_never_lasts_on(senior: Senior, kim: Staff) -> None:
    log = resolve(raised(senior, source="press").pk, kim, "real")
    let_pass(log, "resolved_at", days=2)
    assert not raise_emergency(cause(senior, source="press")).changed
