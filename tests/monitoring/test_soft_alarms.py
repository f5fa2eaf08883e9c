from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models.functions import Now

from devices import presence, safety_checks
from devices.models import Fault, IoTHub, SafetyCheck
from monitoring import watchdog
from monitoring.absence_models import AutomaticCheck
from monitoring.models import AlertDelivery, EmergencyLog
from monitoring.notice_models import DueTask, Notice
from monitoring.ownership import acknowledge
from monitoring.risk import record_risks
from monitoring.roster_models import EscalationPolicy
from tests.api_calls import call
from tests.factories import make_senior
from tests.monitoring.emergencies import kinds, raised
from tests.monitoring.test_risk_states import risk

if TYPE_CHECKING:
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def online(hub: IoTHub) -> IoTHub:
    IoTHub.objects.filter(pk=hub.pk).update(status="online", silent_at=Now() + timedelta(minutes=10))
    return hub


def worry(senior: Senior, episode: str | None = "e:0", level: str = "warning", **fields: Any) -> None:
    record_risks([risk(senior.pk, level=level, episode=episode, observed_at=datetime.now(UTC), **fields)])


def asked() -> list[SafetyCheck]:
    watchdog.sweep()
    return list(SafetyCheck.objects.order_by("pk"))


def let_five_minutes_pass() -> None:
    AutomaticCheck.objects.update(give_up_at=Now())
    watchdog.sweep()


def expire(check: SafetyCheck) -> None:
    SafetyCheck.objects.filter(pk=check.pk).update(expires_at=Now() - timedelta(seconds=1))
    watchdog.sweep()


# -- a soft alarm


def test_a_warning_with_an_episode_has_the_robot_ask_once_and_rings_nobody(
    senior: Senior, online: IoTHub, kim: Staff
) -> None:
    for _ in range(3):
        worry(senior)
        (check,) = asked()
    assert (check.senior, check.hub, check.requested_by) == (senior, online, None)
    assert not EmergencyLog.objects.exists()
    assert not Notice.objects.exists()
    assert not AlertDelivery.objects.exists()


def test_ok_ends_it_quietly_and_the_next_episode_asks_again(senior: Senior, online: IoTHub, kim: Staff) -> None:
    worry(senior)
    (check,) = asked()
    safety_checks.record_answer(check.pk, online.pk, "ok")
    worry(senior)
    assert len(asked()) == 1
    assert AutomaticCheck.objects.get().outcome == "ok"
    assert not EmergencyLog.objects.exists()
    assert not DueTask.objects.exists()
    worry(senior, "e:1")
    assert len(asked()) == 2


@pytest.mark.parametrize(("answer", "severity"), [("help", "critical"), ("no_answer", "high")])
def test_help_and_no_answer_raise(senior: Senior, online: IoTHub, kim: Staff, answer: Any, severity: str) -> None:
    worry(senior)
    (check,) = asked()
    safety_checks.record_answer(check.pk, online.pk, answer)
    assert EmergencyLog.objects.get().severity == severity
    assert not DueTask.objects.exists()


def test_an_expired_question_that_the_robot_had_raises(senior: Senior, online: IoTHub, kim: Staff) -> None:
    worry(senior)
    (check,) = asked()
    safety_checks.mark_delivered(check.pk, online.pk)
    expire(check)
    assert EmergencyLog.objects.get().event_type == "safety_check_failed"


def test_undeliverable_is_a_fault_a_call_and_rings_the_caseworker(
    senior: Senior, online: IoTHub, kim: Staff, lee: Staff
) -> None:
    worry(senior)
    (check,) = asked()
    expire(check)
    assert not EmergencyLog.objects.exists()
    assert Fault.objects.filter(kind="check_undeliverable", cleared_at=None).exists()
    assert [(task.kind, task.code) for task in DueTask.objects.all()] == [("call", "check_undeliverable")]
    assert [(row.staff, row.rings) for row in Notice.objects.all()] == [(kim, True)]
    worry(senior)
    assert len(asked()) == 1


def test_impossible_for_five_minutes_it_becomes_a_call_and_rings(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    worry(senior)
    assert asked() == []
    assert not DueTask.objects.exists()
    let_five_minutes_pass()
    assert DueTask.objects.get().code == "soft_alarm_impossible"
    assert Notice.objects.get().staff == kim
    worry(senior)
    let_five_minutes_pass()
    assert DueTask.objects.count() == 1


def test_a_model_that_knows_nothing_since_the_hub_is_away_calms_nobody(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    worry(senior)
    worry(senior, None, "no_data")
    let_five_minutes_pass()
    assert DueTask.objects.get().code == "soft_alarm_impossible"


def test_a_hub_that_comes_back_in_time_asks_after_all(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    worry(senior)
    assert asked() == []
    IoTHub.objects.update(status="online", silent_at=Now() + timedelta(minutes=1))
    assert len(asked()) == 1


def test_a_worry_that_passes_before_it_could_be_asked_needs_no_call(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    worry(senior)
    worry(senior, None, "normal")
    let_five_minutes_pass()
    assert not DueTask.objects.exists()
    worry(senior)
    IoTHub.objects.update(status="online", silent_at=Now() + timedelta(minutes=1))
    assert len(asked()) == 1


@pytest.mark.parametrize("kind", ["away", "hospital"])
def test_a_senior_who_is_not_there_is_not_asked(senior: Senior, online: IoTHub, kim: Staff, kind: str) -> None:
    now = datetime.now(UTC)
    until = (now + timedelta(days=1)).isoformat()
    call(kim, "put", f"seniors/{senior.pk}/absence", {"from": now.isoformat(), "until": until, "kind": kind})
    worry(senior)
    assert asked() == []
    call(kim, "delete", f"seniors/{senior.pk}/absence")
    worry(senior)
    assert len(asked()) == 1


@pytest.mark.parametrize(
    ("level", "episode"), [("watch", "e"), ("emergency", "e"), ("normal", None), ("warning", None), ("warning", "")]
)
def test_nothing_else_is_a_soft_alarm(senior: Senior, online: IoTHub, level: str, episode: str | None) -> None:
    worry(senior, episode, level)
    assert asked() == []


def test_a_stale_warning_is_none(senior: Senior, online: IoTHub) -> None:
    worry(senior, None, "normal")
    late = datetime.now(UTC) - timedelta(minutes=1)
    record_risks([risk(senior.pk, level="warning", episode="e", observed_at=late)])
    assert asked() == []


def test_two_seniors_of_one_episode_name_are_both_asked(senior: Senior, online: IoTHub) -> None:
    other = make_senior()
    worry(senior, "e")
    worry(other, "e")
    assert AutomaticCheck.objects.count() == 2


# -- an emergency that asks


def let_robot_ask(senior: Senior | None, *, asks: bool = True) -> None:
    EscalationPolicy.objects.create(senior=senior, robot_asks=asks)


def test_a_quiet_home_has_the_robot_ask_where_policy_says_so(senior: Senior, online: IoTHub, kim: Staff) -> None:
    log = raised(senior)
    assert asked() == []
    let_robot_ask(senior)
    raised(senior, event_type="no_wake_up", source="another")
    (check,) = asked()
    assert kinds(log)[-1] == "safety_check"
    safety_checks.record_answer(check.pk, online.pk, "ok")
    log.refresh_from_db()
    assert log.status == "open"  # the robot never resolves


def test_the_senior_s_own_policy_goes_before_everybody_s(senior: Senior, online: IoTHub, kim: Staff) -> None:
    let_robot_ask(None)
    let_robot_ask(senior, asks=False)
    raised(senior)
    assert asked() == []


def test_a_press_is_no_quiet_home(senior: Senior, online: IoTHub, kim: Staff) -> None:
    let_robot_ask(None)
    raised(senior, event_type="sos", source="panic", is_panic=True)
    assert asked() == []


def test_where_the_robot_cannot_be_reached_the_emergency_that_asked_climbs_at_once(
    senior: Senior, online: IoTHub, kim: Staff, park: Staff
) -> None:
    let_robot_ask(None)
    log = raised(senior)
    (check,) = asked()
    expire(check)
    assert kinds(log)[-1] == "escalated"
    assert AlertDelivery.objects.filter(log=log, staff=park).exists()


def test_one_that_somebody_has_does_not_climb_for_that(senior: Senior, online: IoTHub, kim: Staff, park: Staff) -> None:
    let_robot_ask(None)
    log = raised(senior)
    (check,) = asked()
    acknowledge(log.pk, kim)
    expire(check)
    assert not AlertDelivery.objects.filter(log=log, staff=park).exists()


def test_a_check_that_a_person_asked_for_and_that_was_undeliverable_is_a_call_too(
    senior: Senior, online: IoTHub, kim: Staff, park: Staff
) -> None:
    log = raised(senior)
    check = safety_checks.request(senior, kim)
    expire(check)
    assert DueTask.objects.get().code == "check_undeliverable"
    assert Notice.objects.get().staff == kim
    assert "escalated" not in kinds(log)


def test_the_hub_hears_one_question_however_often_it_is_swept(senior: Senior, online: IoTHub, kim: Staff) -> None:
    worry(senior)
    running = safety_checks.request(senior, kim)
    assert asked() == [running]
    presence.grant_grace()
    assert asked() == [running]
