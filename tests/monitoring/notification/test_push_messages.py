"""What a browser's push message holds, and what its button may do."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from monitoring import alerting, ownership
from monitoring.models import AlertDelivery, EmergencyLog
from monitoring.notification import tokens
from monitoring.notification.models import DeliveryReceipt, Notification
from seniors.enrollment import unmap_staff
from seniors.models import Staff
from tests.monitoring.emergencies import kinds, raised

if TYPE_CHECKING:
    from collections.abc import Callable

    from seniors.models import Senior
    from tests.monitoring.notification.push_service import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(kim: Staff, subscribe: Callable[[Staff], Browser]) -> Browser:
    return subscribe(kim)


@pytest.fixture
def log(senior: Senior, browser: Browser, send: Callable[[], int]) -> EmergencyLog:
    """An emergency of which Kim's browser was told."""
    log = raised(senior, event_type="fall_detection", description="낙상 의심, 당뇨")
    Notification.objects.update(due_at=Now())
    assert send() == 1
    return log


def post(path: str, **body: Any) -> tuple[int, Any]:
    answer = Client(enforce_csrf_checks=True).post(path, json.dumps(body), content_type="application/json")
    return answer.status_code, answer.json() if answer.content else None


def press(browser: Browser, message: int = -1) -> tuple[int, Any]:
    act = browser.messages[message]["act"]
    return post(act["url"], token=act["token"])


def test_the_push_service_reads_nothing_and_the_lock_screen_tells_nothing_about_anybody(
    log: EmergencyLog, senior: Senior, browser: Browser
) -> None:
    message = browser.messages[0]
    assert (message["title"], message["act"]["label"]) == ("안부 위급", "접수")
    whole = json.dumps(message, ensure_ascii=False)
    for secret in (senior.full_name, senior.address, "낙상", "당뇨", "fall"):
        assert secret not in whole
    headers = browser.headers[0]
    assert (headers["urgency"], headers["topic"]) == ("high", f"emergency-{log.pk}")


def test_it_speaks_its_reader_s_language(
    senior: Senior, kim: Staff, subscribe: Callable[[Staff], Browser], send: Callable[[], int]
) -> None:
    Staff.objects.filter(pk=kim.pk).update(language="en")
    browser = subscribe(kim)
    raised(senior)
    Notification.objects.update(due_at=Now())
    send()
    assert browser.messages[0]["act"]["label"] == "Take"


def test_the_button_takes_the_emergency_for_the_person_it_was_sent_to(
    log: EmergencyLog, kim: Staff, browser: Browser
) -> None:
    assert press(browser) == (200, {"log_id": log.pk, "status": "acknowledged", "is_yours": True})
    log.refresh_from_db()
    assert log.acknowledged_by == kim
    assert press(browser)[0] == 200
    assert kinds(log).count("acknowledged") == 1


def test_a_get_changes_nothing(log: EmergencyLog, browser: Browser) -> None:
    act = browser.messages[0]["act"]
    for path in (act["url"], f"{act['url']}?token={act['token']}", browser.messages[0]["url"]):
        for method in ("get", "head", "options"):
            getattr(Client(), method)(path)
    log.refresh_from_db()
    assert log.status == "open"
    assert Client().get(act["url"]).status_code == 405


def test_the_first_owner_stays_and_the_button_says_so(log: EmergencyLog, park: Staff, browser: Browser) -> None:
    ownership.acknowledge(log.pk, park)
    assert press(browser) == (200, {"log_id": log.pk, "status": "acknowledged", "is_yours": False})


def test_the_button_is_dead_after_the_resolution_even_when_it_is_opened_again(
    log: EmergencyLog, park: Staff, browser: Browser
) -> None:
    alerting.resolve(log.pk, park, "real")
    status, answer = press(browser)
    assert (status, answer["code"]) == (409, "already_resolved")
    alerting.reopen(log.pk, park)
    assert press(browser)[0] == 409
    log.refresh_from_db()
    assert log.status == "open"


def test_a_token_is_good_for_its_own_delivery_person_and_purpose_alone(
    log: EmergencyLog, senior: Senior, kim: Staff, park: Staff, browser: Browser
) -> None:
    other = raised(senior, event_type="sos")
    theirs = AlertDelivery.objects.get(log=other)
    act, received = browser.messages[0]["act"], browser.messages[0]["received"]
    assert post(f"/api/v1/deliveries/{theirs.pk}/acknowledge", token=act["token"])[0] == 403
    assert post(act["url"], token=received["token"])[0] == 403
    assert post(act["url"], token=act["token"][:-2] + "xx")[0] == 403
    assert post(act["url"])[0] == 400
    strangers = tokens.sign(tokens.ACKNOWLEDGE, AlertDelivery.objects.get(log=log).pk, park.pk)
    assert post(act["url"], token=strangers)[0] == 403
    assert not EmergencyLog.objects.exclude(status="open").exists()


def test_who_left_or_lost_the_senior_cannot_take_it(
    log: EmergencyLog, senior: Senior, kim: Staff, browser: Browser
) -> None:
    unmap_staff(kim.pk, senior.pk)
    assert press(browser)[0] == 403
    Staff.objects.filter(pk=kim.pk).update(is_active=False)
    assert press(browser)[0] == 403


def test_a_device_that_showed_it_is_noted_and_the_ladder_goes_on(log: EmergencyLog, browser: Browser) -> None:
    received = browser.messages[0]["received"]
    for _again in range(2):
        assert post(received["url"], token=received["token"])[0] == 204
    notification = Notification.objects.get()
    assert notification.received_at is not None
    assert DeliveryReceipt.objects.get().device == f"endpoint:{notification.endpoint_id}"
    assert AlertDelivery.objects.get().received_at is None  # it stops the page's resends only
    log.refresh_from_db()
    assert (log.status, log.step_due_at is not None) == ("open", True)


def test_once_somebody_took_it_the_other_screens_say_so(
    log: EmergencyLog, park: Staff, browser: Browser, send: Callable[[], int]
) -> None:
    ownership.acknowledge(log.pk, park)
    assert send() == 1
    shown = browser.messages[-1]
    assert (shown["purpose"], shown["topic"], "act" in shown) == ("taken", f"emergency-{log.pk}", False)
    alerting.resolve(log.pk, park, "real")
    assert send() == 0


def test_the_question_s_button_answers_it(
    log: EmergencyLog, kim: Staff, browser: Browser, send: Callable[[], int]
) -> None:
    ownership.acknowledge(log.pk, kim)
    EmergencyLog.objects.update(ask_due_at=Now() - timedelta(seconds=1))
    ownership.ask(log.pk)
    send()
    assert press(browser) == (200, {"log_id": log.pk, "status": "acknowledged", "is_yours": True})
    log.refresh_from_db()
    assert log.ask_expires_at is None
    status, answer = press(browser)
    assert (status, answer["code"]) == (409, "not_owner")
    alerting.resolve(log.pk, kim, "real")
    assert press(browser)[1]["code"] == "already_resolved"
