"""Mail by a server that may refuse, and messengers and operators by apprise."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core import mail as outgoing
from django.db.models.functions import Now

from monitoring.notification import apprise_urls, mail
from monitoring.notification.failures import Refused, SendingFailed, TryAgain
from monitoring.notification.message import Address, Message
from monitoring.notification.models import Notification, NotificationAttempt
from monitoring.notification.operators import tell_operators
from seniors.models import Role
from tests.factories import make_staff
from tests.monitoring.notification.local_server import Answer, LocalServer, Request
from tests.monitoring.notification.mail_server import MailServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django import Settings

    from seniors.models import Staff

LINK = "https://anbu.example/admin/emergencies/1/"
MESSAGE = Message("안부 위급", "새 응급 상황이 있습니다.", LINK, "alert", urgent=True)


@pytest.fixture
def mail_server(settings: Settings) -> Iterator[MailServer]:
    server = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    yield server
    server.close()


class Webhook(LocalServer):
    def answer(self, request: Request) -> Answer:
        return Answer(200)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    server = Webhook()
    yield server
    server.close()


def test_mail_goes_out_with_its_link(mail_server: MailServer) -> None:
    mail.send(Address("kim@example.org"), MESSAGE)
    assert "Auto-Submitted: auto-generated" in mail_server.taken[0]


@pytest.mark.parametrize(
    ("verb", "line", "failure"),
    [
        ("RCPT", "550 no such mailbox", Refused),
        ("RCPT", "451 try later", TryAgain),
        (".", "552 too large", Refused),
        (".", "421 closing", TryAgain),
        ("MAIL", "530 authentication required", Refused),
    ],
)
def test_what_the_mail_server_says_decides(
    mail_server: MailServer, verb: str, line: str, failure: type[SendingFailed]
) -> None:
    mail_server.answers[verb] = line
    with pytest.raises(failure) as told:
        mail.send(Address("kim@example.org"), MESSAGE)
    assert told.value.code == line[:3]


def test_a_mail_server_that_is_away_is_tried_again(mail_server: MailServer, settings: Settings) -> None:
    mail_server.close()
    with pytest.raises(TryAgain):
        mail.send(Address("kim@example.org"), MESSAGE)


def test_a_header_that_was_smuggled_in_is_refused(mail_server: MailServer) -> None:
    with pytest.raises(Refused):
        mail.send(Address("kim@example.org\nBcc: all@example.org"), MESSAGE)


def test_files_in_a_folder_are_no_channel(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    assert not mail.is_configured()


def test_a_messenger_gets_title_text_and_link(webhook: Webhook) -> None:
    apprise_urls.send(Address(webhook.url.replace("http", "json")), MESSAGE)
    told = json.loads(webhook.requests[0].body)
    assert told["title"] == MESSAGE.title
    assert MESSAGE.url in told["message"]


def test_a_messenger_that_does_not_take_it_is_tried_again_and_an_unreadable_url_never(webhook: Webhook) -> None:
    webhook.faults.append(Answer(500))
    with pytest.raises(TryAgain):
        apprise_urls.send(Address(webhook.url.replace("http", "json")), MESSAGE)
    with pytest.raises(Refused):
        apprise_urls.send(Address("nonsense"), MESSAGE)


def test_secrets_of_a_messenger_s_url_are_not_shown() -> None:
    assert "abcdefghijk" not in apprise_urls.mask("tgram://123456789:abcdefghijk/12315544/")


@pytest.mark.django_db
def test_operators_are_told_by_mail_and_by_their_urls_once_an_hour(
    webhook: Webhook, settings: Settings, kim: Staff, park: Staff, send: Callable[[], int]
) -> None:
    operator = make_staff(Role.SUPERVISOR, is_superuser=True)
    settings.ANBU_OPERATOR_URLS = [webhook.url.replace("http", "json")]
    assert tell_operators("dead_entries", "3개의 항목을 읽지 못했습니다.")
    assert not tell_operators("dead_entries", "4개의 항목을 읽지 못했습니다.")
    assert tell_operators("other", "다른 일")
    assert send() == 4
    assert {tuple(message.to) for message in outgoing.outbox} == {(operator.email,)}
    told = " ".join(json.loads(request.body)["message"] for request in webhook.requests)  # in whatever order they go
    assert "3개의 항목" in told
    assert "4개의 항목" not in told
    Notification.objects.update(created_at=Now() - timedelta(hours=1, seconds=1))
    assert tell_operators("dead_entries", "또")


@pytest.mark.django_db
def test_an_operator_url_that_was_taken_away_fails_and_says_so(
    webhook: Webhook, settings: Settings, send: Callable[[], int]
) -> None:
    settings.ANBU_OPERATOR_URLS = [webhook.url.replace("http", "json")]
    tell_operators("x", "y")
    settings.ANBU_OPERATOR_URLS = []
    send()
    assert NotificationAttempt.objects.get().code == "no_address"
