"""A person adds, proves, orders and removes their own channels, and sees what came by them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.db.models.functions import Now
from django.test import Client

from monitoring.notification import web_push
from monitoring.notification.models import Notification, NotificationEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from seniors.models import Staff
    from tests.monitoring.notification.push_service import PushService

pytestmark = pytest.mark.django_db
PATH = "/api/v1/notification-endpoints"


class Caller:
    def __init__(self, staff: Staff) -> None:
        self.client = Client()
        self.client.force_login(staff)

    def call(self, method: str, path: str = "", **body: Any) -> tuple[int, Any]:
        answer = self.client.generic(
            method, PATH + path, json.dumps(body) if body else "{}", content_type="application/json"
        )
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
def own(kim: Staff) -> Caller:
    return Caller(kim)


def sent_code() -> str:
    body = str(mail.outbox[-1].body)
    return next(word for word in body.split() if word.isdigit())


def test_an_address_is_used_once_its_code_came_back(own: Caller, kim: Staff, send: Callable[[], int]) -> None:
    status, added = own.call("POST", kind="email", address=" Kim@Example.org ")
    assert (status, added["address"], added["verified_at"]) == (201, "kim@example.org", None)
    assert send() == 1
    assert Notification.objects.get().values == {}  # the code is at its address alone from here on
    one = f"/{added['endpoint_id']}"
    assert own.call("POST", f"{one}/test")[1]["code"] == "not_verified"
    assert own.call("POST", f"{one}/verify", code="000000x")[1]["code"] == "code_wrong"
    status, proven = own.call("POST", f"{one}/verify", code=sent_code())
    assert status == 200
    assert proven["verified_at"]
    assert own.call("POST", f"{one}/test")[0] == 202
    assert send() == 1
    assert "시험" in mail.outbox[-1].subject


def test_a_code_is_good_for_ten_minutes_five_tries_and_once(own: Caller, send: Callable[[], int]) -> None:
    added = own.call("POST", kind="email", address="kim@example.org")[1]
    send()
    verify = f"/{added['endpoint_id']}/verify"
    for _try in range(5):
        assert own.call("POST", verify, code="nonsense")[0] == 409
    assert own.call("POST", verify, code=sent_code())[0] == 409
    assert own.call("POST", f"/{added['endpoint_id']}/code")[0] == 202
    send()
    NotificationEndpoint.objects.update(code_expires_at=Now() - timedelta(seconds=1))
    assert own.call("POST", verify, code=sent_code())[0] == 409


def test_nobody_is_flooded_with_codes(own: Caller) -> None:
    added = own.call("POST", kind="email", address="victim@example.org")[1]
    answers = [own.call("POST", f"/{added['endpoint_id']}/code")[0] for _time in range(7)]
    assert answers == [202] * 5 + [429] * 2


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("email", "kim"),
        ("apprise", "json://127.0.0.1:9000/inside"),
        ("apprise", "file:///etc/passwd"),
        ("apprise", "tgram://"),
        ("web_push", "https://fcm.googleapis.com.evil.example/x"),
        ("web_push", "http://fcm.googleapis.com/x"),
        ("web_push", "https://169.254.169.254/latest"),
        ("web_push", "https://fcm.googleapis.com:8443/x"),
        ("web_push", "https://user@fcm.googleapis.com/x"),
    ],
)
def test_an_address_that_nothing_should_be_sent_to_is_refused(own: Caller, kind: str, address: str) -> None:
    keys = {"p256dh": "x", "auth": "y"}
    status, problem = own.call("POST", kind=kind, address=address, keys=keys)
    assert (status, list(problem["errors"])) == (400, ["address"])


def test_keys_that_are_none_are_refused(own: Caller) -> None:
    keys = {"p256dh": "AAAA", "auth": "AAAA"}
    assert own.call("POST", kind="web_push", address="https://fcm.googleapis.com/fcm/send/1", keys=keys)[0] == 400


def test_telephone_numbers_are_kept_in_one_form(own: Caller, settings: Settings) -> None:
    settings.ANBU_SOLAPI = {**settings.ANBU_SOLAPI, "api_key": "k", "api_secret": "s", "sender": "0212345678"}
    for text in ("010-1234-5678", "+82 10 1234 5678", "01012345678"):
        assert own.call("POST", kind="sms", address=text)[1]["address"] == "01012345678"
    assert own.call("POST", kind="sms", address="02-123-4567")[0] == 400
    assert NotificationEndpoint.objects.count() == 1


def test_what_is_not_set_up_here_is_not_offered(own: Caller, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    channels = own.client.get("/api/v1/notification-channels").json()
    assert channels["kinds"] == ["web_push", "apprise"]
    assert channels["web_push_key"] == web_push.public_key()
    assert own.call("POST", kind="email", address="kim@example.org")[1]["code"] == "not_configured"


def test_a_browser_belongs_to_whoever_subscribed_it_last(own: Caller, park: Staff, push_service: PushService) -> None:
    browser = push_service.subscribe()
    subscription: dict[str, Any] = {
        "kind": "web_push",
        "address": browser.address,
        "keys": browser.keys,
        "name": "데스크",
    }
    first = own.call("POST", **subscription)[1]
    assert own.call("POST", **subscription)[1] == first
    assert first["verified_at"]
    assert browser.address not in str(first)
    Caller(park).call("POST", **subscription)
    assert NotificationEndpoint.objects.get().staff == park
    assert own.call("GET")[1] == []


def test_channels_are_used_in_the_order_that_their_owner_gives(own: Caller) -> None:
    ids = [own.call("POST", kind="email", address=f"{name}@example.org")[1]["endpoint_id"] for name in "abc"]
    ordered = own.call("PATCH", endpoint_ids=[ids[2], ids[0]])[1]
    assert [endpoint["endpoint_id"] for endpoint in ordered] == [ids[2], ids[0], ids[1]]


def test_quiet_hours_need_a_beginning_and_an_end(own: Caller) -> None:
    one = f"/{own.call('POST', kind='email', address='kim@example.org')[1]['endpoint_id']}"
    assert own.call("PATCH", one, quiet_from="22:00")[0] == 400
    status, changed = own.call("PATCH", one, quiet_from="22:00", quiet_until="07:00", tells_faults=False)
    assert (status, changed["quiet_from"], changed["tells_faults"]) == (200, "22:00:00", False)
    assert own.call("PATCH", one, address="other@example.org")[1]["address"] == "kim@example.org"


def test_nobody_sees_or_touches_another_s_channels(own: Caller, lee: Staff) -> None:
    one = f"/{own.call('POST', kind='email', address='kim@example.org')[1]['endpoint_id']}"
    stranger = Caller(lee)
    assert stranger.call("GET")[1] == []
    for method, path in (("PATCH", one), ("DELETE", one), ("POST", f"{one}/verify"), ("POST", f"{one}/test")):
        assert stranger.call(method, path, code="1")[0] == 404
    assert Client().get(PATH).status_code == 401


def test_the_list_of_what_was_sent_tells_its_end(own: Caller, send: Callable[[], int]) -> None:
    own.call("POST", kind="email", address="kim@example.org")
    send()
    (row,) = own.client.get("/api/v1/notifications").json()["results"]
    assert (row["kind"], row["purpose"], row["state"], row["result"]) == ("email", "code", "sent", "sent")
    one = f"/{NotificationEndpoint.objects.get().pk}"
    assert own.call("DELETE", one)[0] == 204
    assert Notification.objects.get().endpoint is None


def test_there_is_an_end_to_how_many_channels_one_has(own: Caller, kim: Staff) -> None:
    NotificationEndpoint.objects.bulk_create(
        NotificationEndpoint(staff=kim, kind="email", address=f"{number}@example.org") for number in range(20)
    )
    assert own.call("POST", kind="email", address="more@example.org")[1]["code"] == "too_many_endpoints"
