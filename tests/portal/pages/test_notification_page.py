from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from django.db.models.functions import Now

from monitoring.notification.models import Notification, NotificationAttempt, NotificationEndpoint
from tests.portal.pages.test_content_security_policy import INLINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from seniors.models import Staff

pytestmark = pytest.mark.django_db


def test_everybody_who_logs_in_has_a_page_of_their_own_channels(
    browse: Callable[[Staff], Client], kim: Staff, guardian: Staff, client: Client
) -> None:
    assert client.get("/account/notifications/").status_code == 302
    NotificationEndpoint.objects.create(staff=kim, kind="email", address="mine@anbu.example", verified_at=Now())
    NotificationEndpoint.objects.create(staff=guardian, kind="email", address="theirs@anbu.example")
    answer = browse(kim).get("/account/notifications/")
    page = answer.content.decode()
    assert "mine@anbu.example" in page
    assert "theirs@anbu.example" not in page
    assert INLINE.search(page) is None
    page = browse(guardian).get("/account/notifications/").content.decode()
    assert "theirs@anbu.example" in page
    assert "소식은 이 사이트에서만 보입니다" in page


def test_who_has_no_proven_channel_is_told_what_that_means(browse: Callable[[Staff], Client], kim: Staff) -> None:
    NotificationEndpoint.objects.create(staff=kim, kind="email", address="mine@anbu.example")
    page = browse(kim).get("/account/notifications/").content.decode()
    assert "화면을 보고 있지 않으면 응급 알림을 받지 못합니다" in page
    assert "번호 다시 보내기" in page


def test_the_page_tells_what_became_of_what_was_sent(browse: Callable[[Staff], Client], kim: Staff) -> None:
    endpoint = NotificationEndpoint.objects.create(staff=kim, kind="sms", address="01012345678", verified_at=Now())
    failed = Notification.objects.create(staff=kim, endpoint=endpoint, kind="sms", purpose="test", state="failed")
    NotificationAttempt.objects.create(notification=failed, result="refused", code="1062")
    page = browse(kim).get("/account/notifications/state/").content.decode()
    assert "1062" in page
    assert 'data-settled="true"' in page


def test_the_service_worker_stands_at_the_root_and_is_never_kept(client: Client) -> None:
    answer = client.get("/service-worker.js")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert (answer["Cache-Control"], answer["Service-Worker-Allowed"]) == ("no-cache", "/")
    assert b"notificationclick" in b"".join(answer.streaming_content)  # type: ignore[attr-defined]  # a file's answer


def test_the_site_can_be_kept_on_a_phone_s_home_screen(client: Client) -> None:
    manifest = json.loads(client.get("/manifest.webmanifest").content)
    assert (manifest["display"], manifest["start_url"]) == ("standalone", "/")
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}
