"""Text messages and KakaoTalk notices by the gateway: signed, refused, delayed, delivered or lost later."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core import mail
from django.db.models.functions import Now

from monitoring.notification import solapi
from monitoring.notification.message import Address, Message
from monitoring.notification.models import Notification, NotificationAttempt, NotificationEndpoint
from seniors.models import Role
from tests.factories import make_staff
from tests.monitoring.emergencies import raised
from tests.monitoring.notification.local_server import Answer
from tests.monitoring.notification.solapi_double import Solapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django import Settings

    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway(settings: Settings) -> Iterator[Solapi]:
    gateway = Solapi()
    settings.ANBU_SOLAPI = gateway.settings
    yield gateway
    gateway.close()


def due(senior: Senior, staff: Staff, kind: str = "sms") -> None:
    """An alert that is due by a person's telephone."""
    NotificationEndpoint.objects.create(staff=staff, kind=kind, address="01012345678", verified_at=Now())
    raised(senior, event_type="fall_detection")
    make_due()


def make_due() -> None:
    Notification.objects.filter(state="waiting").update(due_at=Now())


def ask_now() -> None:
    """The time for a report has come."""
    Notification.objects.filter(report_due_at__isnull=False).update(report_due_at=Now())


def results() -> list[tuple[str, str]]:
    return list(NotificationAttempt.objects.order_by("id").values_list("result", "code"))


def test_a_text_message_is_signed_and_says_nothing_about_anybody(
    gateway: Solapi, senior: Senior, kim: Staff, send: Callable[[], int]
) -> None:
    due(senior, kim)
    send()
    assert results() == [("sent", "2000")]
    (message,) = gateway.messages
    assert (message["to"], message["from"]) == ("01012345678", gateway.sender)
    assert message["text"].startswith("[안부 위급] 새 응급 상황이 있습니다.")
    assert "/admin/emergencies/" in message["text"]
    assert senior.full_name not in message["text"]
    assert "낙상" not in message["text"]


def test_characters_that_no_carrier_takes_are_replaced(gateway: Solapi, settings: Settings) -> None:
    solapi.send_text(Address("01012345678"), Message("안부", "확인 ✅ 요망", "", "test"))
    assert gateway.messages[0]["text"] == "[안부] 확인 ? 요망"


def test_every_request_is_signed_anew(gateway: Solapi, senior: Senior, kim: Staff, send: Callable[[], int]) -> None:
    due(senior, kim)
    gateway.faults.append(Answer(500))
    send()
    make_due()
    send()
    signatures = {request.headers["authorization"] for request in gateway.requests}
    assert len(signatures) == len(gateway.requests) == 2


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Answer(500, {"errorCode": "InternalError", "errorMessage": "x"}), "InternalError"),
        (Answer(502, b"<html>bad gateway</html>"), "502"),
        (Answer(429, {"errorCode": "TooManyRequests"}), "TooManyRequests"),
        (Answer(403, {"errorCode": "RequestTimeTooSkewed"}), "RequestTimeTooSkewed"),
        (Answer(200, {"statusCode": "1024", "statusMessage": "서버 오류"}), "1024"),
        (Answer(hangs_up=True), "unreachable"),
    ],
)
def test_what_may_pass_is_tried_again(
    gateway: Solapi, senior: Senior, kim: Staff, send: Callable[[], int], fault: Answer, code: str
) -> None:
    due(senior, kim)
    gateway.faults.append(fault)
    send()
    make_due()
    send()
    assert results() == [("again", code), ("sent", "2000")]


def test_a_gateway_that_does_not_answer_is_given_up_after_its_time(
    gateway: Solapi, senior: Senior, kim: Staff, send: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solapi, "ANSWER_S", 0.3)
    due(senior, kim)
    gateway.faults.append(Answer(200, {}, after_s=2))
    send()
    assert results() == [("again", "unreachable")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"secret": "another"}, "SignatureDoesNotMatch"),
        ({"key": "OTHER"}, "InvalidAPIKey"),
        ({"sender": "0299999999"}, "1062"),
        ({"balance": 0}, "NotEnoughBalance"),
    ],
)
def test_what_the_gateway_refuses_goes_to_the_next_channel_and_never_again(
    gateway: Solapi,
    senior: Senior,
    kim: Staff,
    send: Callable[[], int],
    add_mail: Callable[[Staff], object],
    changes: dict[str, object],
    code: str,
) -> None:
    NotificationEndpoint.objects.create(staff=kim, kind="sms", address="01012345678", verified_at=Now())
    add_mail(kim)
    raised(senior)
    Notification.objects.filter(kind="sms").update(due_at=Now())
    for name, value in changes.items():
        setattr(gateway, name, value)
    send()
    assert results() == [("refused", code)]
    assert send() == 1
    assert len(mail.outbox) == 1


def test_a_channel_that_refuses_us_is_told_to_the_operators_once(
    gateway: Solapi, senior: Senior, kim: Staff, send: Callable[[], int]
) -> None:
    operator = make_staff(Role.SUPERVISOR, is_superuser=True)
    gateway.balance = 0
    due(senior, kim)
    send()
    raised(senior, event_type="fire")
    make_due()
    send()
    send()
    (told,) = [message for message in mail.outbox if message.to == [operator.email]]
    assert "NotEnoughBalance" in str(told.body)


def test_a_phone_that_got_it_is_noted(gateway: Solapi, senior: Senior, kim: Staff, send: Callable[[], int]) -> None:
    due(senior, kim)
    send()
    for status in ("2000", "3000"):
        gateway.report(status)
        ask_now()
        send()
        assert Notification.objects.get().received_at is None
    gateway.report("4000")
    ask_now()
    send()
    assert Notification.objects.get().received_at is not None
    assert results()[-1] == ("received", "4000")
    ask_now()
    assert send() == 0


def test_a_message_that_no_phone_will_get_hastens_the_next_channel(
    gateway: Solapi, senior: Senior, kim: Staff, send: Callable[[], int], add_mail: Callable[[Staff], object]
) -> None:
    NotificationEndpoint.objects.create(staff=kim, kind="sms", address="01012345678", verified_at=Now())
    add_mail(kim)
    raised(senior)
    Notification.objects.filter(kind="sms").update(due_at=Now())
    send()
    gateway.report("3032")
    ask_now()
    send()
    assert results()[-1] == ("lost", "3032")
    assert send() == 1
    assert len(mail.outbox) == 1


def test_a_gateway_that_is_away_when_asked_is_asked_again_and_not_for_ever(
    gateway: Solapi, senior: Senior, kim: Staff, send: Callable[[], int]
) -> None:
    due(senior, kim)
    send()
    gateway.faults.append(Answer(503))
    ask_now()
    send()
    assert Notification.objects.get().report_due_at is not None
    Notification.objects.update(sent_at=Now() - timedelta(minutes=11))
    ask_now()
    send()
    assert Notification.objects.get().report_due_at is None


def test_a_kakao_notice_follows_its_template(
    gateway: Solapi, senior: Senior, kim: Staff, send: Callable[[], int]
) -> None:
    due(senior, kim, "alimtalk")
    send()
    options = gateway.messages[0]["kakaoOptions"]
    assert (options["templateId"], options["disableSms"]) == (gateway.template, False)
    assert options["variables"]["#{제목}"] == "안부 위급"


def test_who_has_no_kakaotalk_gets_it_as_a_text_message(
    gateway: Solapi, senior: Senior, kim: Staff, send: Callable[[], int]
) -> None:
    due(senior, kim, "alimtalk")
    send()
    gateway.replace_by_text()
    ask_now()
    send()
    assert Notification.objects.get().state == "sent"
    gateway.report("4000")
    ask_now()
    send()
    assert Notification.objects.get().received_at is not None
