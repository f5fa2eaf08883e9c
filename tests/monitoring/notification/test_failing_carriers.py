"""A carrier that fails, hangs or refuses: tried again or never, and never at the price of the other channels."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.core import mail
from django.db.models.functions import Now

from monitoring import ownership
from monitoring.notification import claims, web_push
from monitoring.notification.failures import TryAgain
from monitoring.notification.models import Notification, NotificationAttempt, NotificationEndpoint
from monitoring.notification.retries import next_try_s
from monitoring.notification.sender import Sender
from tests.monitoring.emergencies import raised
from tests.monitoring.notification.local_server import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from seniors.models import Senior, Staff
    from tests.monitoring.notification.push_service import Browser, PushService

pytestmark = pytest.mark.django_db


@pytest.fixture
def due(senior: Senior, kim: Staff, subscribe: Callable[[Staff], Browser]) -> Browser:
    """Kim's browser, of which an alert is due."""
    browser = subscribe(kim)
    raised(senior)
    make_due()
    return browser


def make_due() -> None:
    Notification.objects.filter(state="waiting", kind="web_push").update(due_at=Now())


def results() -> list[tuple[str, str]]:
    return list(NotificationAttempt.objects.order_by("id").values_list("result", "code"))


def due_in_s(kind: str = "web_push") -> float:
    row = Notification.objects.get(kind=kind)
    return (row.due_at - datetime.now(UTC)).total_seconds()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Answer(500), "500"),
        (Answer(503), "503"),
        (Answer(429), "429"),
        (Answer(hangs_up=True), "unreachable"),
    ],
)
def test_what_may_pass_is_tried_again_soon(
    due: Browser, push_service: PushService, send: Callable[[], int], fault: Answer, code: str
) -> None:
    push_service.faults.append(fault)
    send()
    assert results() == [("again", code)]
    assert 3 < due_in_s() <= 5
    make_due()
    send()
    assert results() == [("again", code), ("sent", "201")]
    assert len(due.messages) == 1
    assert Notification.objects.get().state == "sent"


def test_a_service_that_asks_to_wait_is_left_alone_so_long_and_an_emergency_at_most_a_minute(
    due: Browser, push_service: PushService, send: Callable[[], int]
) -> None:
    push_service.faults.append(Answer(429, headers={"Retry-After": "20"}))
    send()
    assert 18 < due_in_s() <= 20
    push_service.faults.append(Answer(503, headers={"Retry-After": "3600"}))
    make_due()
    send()
    assert 58 < due_in_s() <= 60


def test_a_service_that_does_not_answer_is_given_up_after_its_time(
    due: Browser, push_service: PushService, send: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_push, "ANSWER_S", 0.3)
    push_service.faults.append(Answer(201, after_s=2))
    send()
    assert results() == [("again", "unreachable")]


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_what_is_refused_is_never_tried_again_and_the_next_channel_is_used_at_once(
    due: Browser,
    kim: Staff,
    push_service: PushService,
    send: Callable[[], int],
    add_mail: Callable[[Staff], object],
    senior: Senior,
    status: int,
) -> None:
    Notification.objects.all().delete()
    add_mail(kim)
    raised(senior, event_type="sos")
    make_due()
    push_service.faults.append(Answer(status))
    send()
    assert results() == [("refused", str(status))]
    assert send() == 1
    assert len(mail.outbox) == 1
    make_due()
    assert send() == 0
    assert NotificationEndpoint.objects.filter(kind="web_push").exists()


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_gone_is_removed(
    due: Browser, push_service: PushService, send: Callable[[], int], status: int
) -> None:
    push_service.faults.append(Answer(status))
    send()
    assert results() == [("gone", str(status))]
    assert not NotificationEndpoint.objects.exists()
    assert Notification.objects.get().state == "failed"


def test_a_redirect_is_not_followed(due: Browser, push_service: PushService, send: Callable[[], int]) -> None:
    push_service.faults.append(Answer(307, headers={"Location": f"{push_service.url}/elsewhere"}))
    send()
    assert results()[0][0] == "refused"
    assert len(push_service.requests) == 1


def test_the_first_failure_hastens_the_person_s_next_channel(
    senior: Senior,
    kim: Staff,
    subscribe: Callable[[Staff], Browser],
    add_mail: Callable[[Staff], object],
    push_service: PushService,
    send: Callable[[], int],
) -> None:
    subscribe(kim)
    add_mail(kim)
    raised(senior)
    make_due()
    push_service.faults.append(Answer(503))
    send()
    assert due_in_s("email") <= 0


def test_waits_grow_and_end() -> None:
    assert [next_try_s("alert", tries) for tries in (1, 2, 3, 4, 5, 11)] == [5, 10, 20, 40, 60, 60]
    assert next_try_s("alert", 12) is None
    assert [next_try_s("notice", tries) for tries in (1, 5)] == [30, 1800]
    assert next_try_s("notice", 6) is None


def test_what_a_dead_sender_had_claimed_is_sent_when_its_lease_is_over(due: Browser, send: Callable[[], int]) -> None:
    assert len(claims.claim_due("web_push", 4)) == 1  # and dies
    assert send() == 0
    Notification.objects.update(claimed_until=Now() - timedelta(seconds=1))
    assert send() == 1
    assert len(due.messages) == 1


def test_a_sender_that_lost_its_lease_settles_nothing(due: Browser, send: Callable[[], int]) -> None:
    (late,) = claims.claim_due("web_push", 4)
    Notification.objects.update(claimed_until=Now() - timedelta(seconds=1))
    send()
    claims.settle_failed(late, TryAgain("late"), 1)
    assert Notification.objects.get().state == "sent"
    assert results() == [("sent", "201")]


def test_a_message_that_cannot_be_put_into_words_costs_no_other(
    due: Browser, kim: Staff, add_mail: Callable[[Staff], object], send: Callable[[], int], senior: Senior
) -> None:
    add_mail(kim)
    Notification.objects.create(staff=kim, endpoint=NotificationEndpoint.objects.get(kind="email"), kind="email",
                                purpose="code", values={})  # fmt: skip
    assert send() == 2
    assert len(due.messages) == 1
    assert ("again", "KeyError") in results()


def test_a_hanging_carrier_delays_no_other_channel(
    senior: Senior,
    kim: Staff,
    subscribe: Callable[[Staff], Browser],
    add_mail: Callable[[Staff], object],
    push_service: PushService,
) -> None:
    for _browser in range(6):
        subscribe(kim)
    add_mail(kim)
    raised(senior)
    Notification.objects.update(due_at=Now())
    push_service.faults.extend([Answer(201, after_s=3)] * 6)
    sender = Sender()
    began = time.monotonic()
    sender.look()
    while not mail.outbox and time.monotonic() - began < 2.5:
        time.sleep(0.01)
    assert time.monotonic() - began < 2.5
    sender.finish(10)


@pytest.mark.django_db(transaction=True)
def test_two_senders_never_send_one_message_twice(
    senior: Senior, kim: Staff, subscribe: Callable[[Staff], Browser], push_service: PushService
) -> None:
    browsers = [subscribe(kim) for _browser in range(12)]
    raised(senior)
    Notification.objects.update(due_at=Now())
    enough = threading.Event()

    def stop() -> bool:
        return enough.is_set()

    senders = [threading.Thread(target=Sender().run, args=(stop,)) for _sender in range(2)]
    for thread in senders:
        thread.start()
    deadline = time.monotonic() + 30
    while Notification.objects.filter(state="waiting").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    enough.set()
    for thread in senders:
        thread.join()
    assert [len(browser.messages) for browser in browsers] == [1] * 12


@pytest.mark.django_db(transaction=True)
def test_acknowledging_quiets_a_running_sender_within_a_second(
    senior: Senior, kim: Staff, park: Staff, subscribe: Callable[[Staff], Browser]
) -> None:
    browser = subscribe(kim)
    log = raised(senior)
    ended = threading.Event()
    thread = threading.Thread(target=Sender().run, args=(ended.is_set,))
    thread.start()
    try:
        ownership.acknowledge(log.pk, park)
        began = time.monotonic()
        while Notification.objects.filter(state="waiting").exists() and time.monotonic() - began < 10:
            time.sleep(0.02)
        took = time.monotonic() - began
    finally:
        ended.set()
        thread.join()
    assert took < 1
    assert browser.messages == []
