from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db.models.functions import Now

from seniors import revocations
from seniors.models import Revocation
from seniors.revocations import RevocationLog, digest_session, revoke_hub, revoke_hub_key, revoke_session, revoke_staff
from seniors.sessions import session_key_of, staff_of_session

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


def test_each_process_hears_of_each_revocation_once() -> None:
    one, other = RevocationLog(), RevocationLog()
    revoke_staff(5)
    assert one.poll() == [("staff", "5")]
    assert one.poll() == []
    revoke_hub(7)
    revoke_hub_key("hub_abc")
    assert sorted(one.poll()) == [("hub", "7"), ("hub_key", "hub_abc")]
    assert len(other.poll()) == 3


def test_one_whose_transaction_committed_late_is_heard_of_all_the_same() -> None:
    log = RevocationLog()
    revoke_staff(5)
    log.poll()
    revoke_staff(6)
    Revocation.objects.filter(subject="6").update(created_at=Now() - timedelta(seconds=30))
    assert log.poll() == [("staff", "6")]


def test_a_sessions_key_is_not_written_down() -> None:
    revoke_session("the-key")
    (subject,) = Revocation.objects.values_list("subject", flat=True)
    assert subject == digest_session("the-key") != "the-key"


def test_no_session_is_nothing_to_revoke() -> None:
    revoke_session(None)
    assert not Revocation.objects.exists()


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("sessionid=abc", "abc"),
        ("a=b; sessionid=abc; c=d", "abc"),
        ('settings={"a": [1, 2]}; sessionid=abc', "abc"),
        ("bad name=1; sessionid=abc", "abc"),
        ("sessionid=", None),
        ("", None),
        ("csrftoken=abc", None),
    ],
)
def test_the_session_is_found_among_other_cookies(header: str, key: str | None, settings: Settings) -> None:
    assert settings.SESSION_COOKIE_NAME == "sessionid"
    assert session_key_of(header) == key


@pytest.mark.parametrize("key", ["unknown", "x" * 500, "a\x00b", "'; --"])
def test_a_key_that_is_none_is_nobody(key: str) -> None:
    assert staff_of_session(key) is None


def test_what_was_revoked_while_the_process_slept_is_heard_of(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    log = RevocationLog()
    assert log.poll() == []
    revoke_hub(7)
    Revocation.objects.update(created_at=Now() - timedelta(hours=2))
    assert log.poll() == []
    slept = time.clock_gettime(revocations.BOOT_TIME) + 3 * 3600
    monkeypatch.setattr(time, "clock_gettime", lambda clock: slept)
    assert log.poll() == [("hub", "7")]
