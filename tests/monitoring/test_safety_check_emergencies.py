from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models.functions import Now

from devices import safety_checks
from devices.models import SafetyCheck
from monitoring.alerting import resolve
from monitoring.models import EmergencyLog, EmergencySource
from monitoring.ownership import acknowledge
from tests.monitoring.emergencies import raised

if TYPE_CHECKING:
    from devices.models import IoTHub
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def check(senior: Senior, hub: IoTHub, kim: Staff) -> SafetyCheck:
    check = safety_checks.request(senior, kim)
    safety_checks.mark_delivered(check.pk, hub.pk)
    return check


def expire(check: SafetyCheck) -> None:
    SafetyCheck.objects.filter(pk=check.pk).update(expires_at=Now() - timedelta(seconds=1))
    safety_checks.expire_due()


def failed() -> EmergencyLog:
    return EmergencyLog.objects.get(event_type="safety_check_failed")


def sources() -> set[str]:
    return set(EmergencySource.objects.values_list("source", flat=True))


def test_a_call_for_help_is_critical_and_a_source_of_its_own(check: SafetyCheck, hub: IoTHub) -> None:
    safety_checks.record_answer(check.pk, hub.pk, "help")
    assert failed().severity == "critical"
    assert sources() == {f"check:{check.pk}:help"}


def test_no_answer_is_high(check: SafetyCheck, hub: IoTHub) -> None:
    safety_checks.record_answer(check.pk, hub.pk, "no_answer")
    assert failed().severity == "high"
    assert sources() == {f"check:{check.pk}"}


def test_the_end_of_a_delivered_check_without_an_answer_raises_too(check: SafetyCheck) -> None:
    expire(check)
    assert (failed().severity, sources()) == ("high", {f"check:{check.pk}"})


def test_a_check_that_could_not_be_delivered_raises_nothing(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    expire(safety_checks.request(senior, kim))
    assert not EmergencyLog.objects.exists()


def test_help_after_no_answer_is_taken_whoever_owns_it(check: SafetyCheck, hub: IoTHub, kim: Staff) -> None:
    safety_checks.record_answer(check.pk, hub.pk, "no_answer")
    acknowledge(failed().pk, kim)
    safety_checks.record_answer(check.pk, hub.pk, "help")
    assert (failed().status, failed().severity, failed().repeats) == ("open", "critical", 1)


def test_help_after_ok_raises(check: SafetyCheck, hub: IoTHub) -> None:
    safety_checks.record_answer(check.pk, hub.pk, "ok")
    safety_checks.record_answer(check.pk, hub.pk, "help")
    assert failed().severity == "critical"


def test_a_repeated_answer_raises_once(check: SafetyCheck, hub: IoTHub) -> None:
    for _ in range(3):
        safety_checks.record_answer(check.pk, hub.pk, "help")
    assert (failed().repeats, failed().status) == (0, "open")


def notes(log: EmergencyLog) -> list[tuple[Any, Any]]:
    details = log.transitions.filter(kind="safety_check").order_by("id")
    return [(row.detail["status"], row.by_id) for row in details]


def test_an_ok_is_noted_and_resolves_nothing(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    log = raised(senior)
    check = safety_checks.request(senior, kim)
    safety_checks.mark_delivered(check.pk, hub.pk)
    safety_checks.record_answer(check.pk, hub.pk, "ok")
    log.refresh_from_db()
    assert log.status == "open"
    assert notes(log) == [("requested", kim.pk), ("delivered", None), ("ok", None)]


def test_a_late_ok_is_only_a_line(check: SafetyCheck, hub: IoTHub) -> None:
    expire(check)
    safety_checks.record_answer(check.pk, hub.pk, "ok")
    assert failed().status == "open"
    assert notes(failed())[-1] == ("late_ok", None)


def test_a_resolved_emergency_gets_no_more_lines(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    log = resolve(raised(senior).pk, kim, "real")
    safety_checks.request(senior, kim)
    assert notes(log) == []
