from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models.functions import Now

from devices import registration, safety_checks
from devices.models import Fault, IoTHub, SafetyCheck
from devices.signals import safety_check_answered, safety_check_progressed
from tests.factories import make_hub, make_senior

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seniors.models import Senior, Staff

Heard = list[tuple[str, bool]]


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What the room above was told: (answer or status, late)."""
    told: Heard = []

    def hear_answer(check: SafetyCheck, answer: str, late: bool, **kwargs: Any) -> None:
        told.append((answer, late))

    def hear_progress(check: SafetyCheck, status: str, **kwargs: Any) -> None:
        told.append((status, False))

    safety_check_answered.connect(hear_answer)
    safety_check_progressed.connect(hear_progress)
    yield told
    safety_check_answered.disconnect(hear_answer)
    safety_check_progressed.disconnect(hear_progress)


@pytest.fixture
def check(senior: Senior, hub: IoTHub, kim: Staff) -> SafetyCheck:
    return safety_checks.request(senior, kim)


def let_deadline_pass(check: SafetyCheck) -> None:
    SafetyCheck.objects.filter(pk=check.pk).update(expires_at=Now() - timedelta(milliseconds=1))


def status(check: SafetyCheck) -> str:
    check.refresh_from_db()
    return check.status


def undeliverable_faults() -> int:
    return Fault.objects.filter(kind="check_undeliverable", cleared_at=None).count()


def test_a_check_lives_90_seconds(check: SafetyCheck) -> None:
    assert check.status == "requested"
    assert check.expires_at - check.requested_at == pytest.approx(timedelta(seconds=90), abs=timedelta(seconds=1))


def test_the_robot_calls_the_senior_by_name(check: SafetyCheck) -> None:
    assert "박순자" in check.prompt


def test_a_running_check_is_returned_again(check: SafetyCheck, senior: Senior, park: Staff) -> None:
    assert safety_checks.request(senior, park).check_id == check.check_id
    safety_checks.mark_delivered(check.check_id, check.hub_id)
    assert safety_checks.request(senior, park).check_id == check.check_id


def test_an_overdue_check_is_ended_before_a_new_one_begins(check: SafetyCheck, senior: Senior, kim: Staff) -> None:
    let_deadline_pass(check)
    assert safety_checks.request(senior, kim).check_id != check.check_id
    assert status(check) == "undeliverable"


def test_without_a_hub_nobody_can_ask(db: None) -> None:
    with pytest.raises(safety_checks.NoHub):
        safety_checks.request(make_senior(), None)


def test_a_deregistered_hub_cannot_ask(hub: IoTHub, senior: Senior) -> None:
    registration.deregister(hub, None)
    with pytest.raises(safety_checks.NoHub):
        safety_checks.request(senior, None)


def test_an_ok_ends_the_check(heard: Heard, check: SafetyCheck) -> None:
    safety_checks.mark_delivered(check.check_id, check.hub_id)
    safety_checks.record_answer(check.check_id, check.hub_id, "ok")
    assert status(check) == "ok"
    assert heard == [("requested", False), ("delivered", False), ("ok", False)]


def test_a_repeated_receipt_is_told_once(heard: Heard, check: SafetyCheck) -> None:
    safety_checks.mark_delivered(check.check_id, check.hub_id)
    safety_checks.mark_delivered(check.check_id, check.hub_id)
    assert heard == [("requested", False), ("delivered", False)]


def test_the_first_answer_holds(heard: Heard, check: SafetyCheck) -> None:
    safety_checks.record_answer(check.check_id, check.hub_id, "ok")
    safety_checks.record_answer(check.check_id, check.hub_id, "no_answer")
    safety_checks.record_answer(check.check_id, check.hub_id, "ok")
    assert status(check) == "ok"
    assert heard[1:] == [("ok", False)]


def test_a_help_after_an_ok_is_told_once_and_the_ok_stands(heard: Heard, check: SafetyCheck) -> None:
    safety_checks.record_answer(check.check_id, check.hub_id, "ok")
    safety_checks.record_answer(check.check_id, check.hub_id, "help")
    safety_checks.record_answer(check.check_id, check.hub_id, "help")
    assert status(check) == "ok"
    assert check.help_at is not None
    assert heard[1:] == [("ok", False), ("help", False)]


def test_a_help_after_the_deadline_takes_the_place_of_the_expiry(heard: Heard, check: SafetyCheck) -> None:
    safety_checks.mark_delivered(check.check_id, check.hub_id)
    let_deadline_pass(check)
    safety_checks.expire_due()
    safety_checks.record_answer(check.check_id, check.hub_id, "help")
    assert status(check) == "help"
    assert heard[2:] == [("no_answer", False), ("help", False)]


def test_a_late_ok_is_noted_once_and_changes_nothing(heard: Heard, check: SafetyCheck) -> None:
    safety_checks.mark_delivered(check.check_id, check.hub_id)
    let_deadline_pass(check)
    safety_checks.expire_due()
    safety_checks.record_answer(check.check_id, check.hub_id, "ok")
    safety_checks.record_answer(check.check_id, check.hub_id, "ok")
    assert status(check) == "no_answer"
    assert heard[2:] == [("no_answer", False), ("ok", True)]


def test_the_deadline_holds_even_when_nobody_has_swept(heard: Heard, check: SafetyCheck) -> None:
    safety_checks.mark_delivered(check.check_id, check.hub_id)
    let_deadline_pass(check)
    safety_checks.record_answer(check.check_id, check.hub_id, "ok")
    assert status(check) == "no_answer"
    assert heard[2:] == [("no_answer", False), ("ok", True)]


def test_a_delivered_check_without_answer_expires_as_no_answer(check: SafetyCheck) -> None:
    safety_checks.mark_delivered(check.check_id, check.hub_id)
    assert safety_checks.expire_due() == []
    let_deadline_pass(check)
    assert [ended.check_id for ended in safety_checks.expire_due()] == [check.check_id]
    assert status(check) == "no_answer"
    assert undeliverable_faults() == 0
    assert safety_checks.expire_due() == []


def test_a_check_that_nobody_fetched_is_undeliverable_and_a_fault(heard: Heard, check: SafetyCheck) -> None:
    let_deadline_pass(check)
    safety_checks.expire_due()
    assert status(check) == "undeliverable"
    assert undeliverable_faults() == 1
    assert heard[1:] == [("undeliverable", False)]


def test_the_next_delivered_check_clears_that_fault(check: SafetyCheck, senior: Senior, kim: Staff) -> None:
    let_deadline_pass(check)
    again = safety_checks.request(senior, kim)
    safety_checks.mark_delivered(again.check_id, again.hub_id)
    assert undeliverable_faults() == 0


def test_a_receipt_after_the_deadline_does_not_revive_the_check(check: SafetyCheck) -> None:
    let_deadline_pass(check)
    safety_checks.mark_delivered(check.check_id, check.hub_id)
    safety_checks.expire_due()
    assert status(check) == "undeliverable"


def test_another_hubs_check_is_unknown(check: SafetyCheck) -> None:
    stranger, _ = make_hub(make_senior())
    with pytest.raises(safety_checks.UnknownCheck):
        safety_checks.record_answer(check.check_id, stranger.hub_id, "ok")
    with pytest.raises(safety_checks.UnknownCheck):
        safety_checks.mark_delivered(check.check_id, stranger.hub_id)
    assert status(check) == "requested"


def test_an_answer_whose_receiver_fails_is_not_taken(check: SafetyCheck) -> None:
    def fail(**kwargs: Any) -> None:
        raise RuntimeError("no")

    safety_check_answered.connect(fail)
    try:
        with pytest.raises(RuntimeError):
            safety_checks.record_answer(check.check_id, check.hub_id, "help")
    finally:
        safety_check_answered.disconnect(fail)
    assert status(check) == "requested"
