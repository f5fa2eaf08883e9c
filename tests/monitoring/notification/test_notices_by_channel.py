"""What is no emergency goes to a person's first channel, and waits for the end of their quiet hours."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.db.models.functions import Now

from monitoring import notices
from monitoring.notice_models import Notice
from monitoring.notification import claims
from monitoring.notification.models import Notification, NotificationAttempt, NotificationEndpoint
from monitoring.notification.quiet_hours import end_of_quiet
from tests.monitoring.emergencies import raised

if TYPE_CHECKING:
    from collections.abc import Callable

    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db
Kind = Notice.Kind
SEOUL = ZoneInfo("Asia/Seoul")


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three in the morning."""
    monkeypatch.setattr(claims, "_seoul_now", lambda: datetime(2026, 11, 25, 3, 0, tzinfo=SEOUL))


@pytest.fixture
def endpoint(kim: Staff, add_mail: Callable[[Staff], NotificationEndpoint]) -> NotificationEndpoint:
    """Kim's mail, quiet at night."""
    endpoint = add_mail(kim)
    NotificationEndpoint.objects.update(quiet_from=time(22), quiet_until=time(7))
    return endpoint


def tell(kim: Staff, senior: Senior, kind: Notice.Kind, *, rings: bool = False) -> None:
    notices.tell([kim], kind, f"{kind}:1", senior_id=senior.pk, rings=rings)
    Notification.objects.update(due_at=Now())


def test_a_notice_goes_to_the_first_channel_alone(
    kim: Staff, senior: Senior, add_mail: Callable[[Staff], object], send: Callable[[], int]
) -> None:
    add_mail(kim)
    NotificationEndpoint.objects.create(
        staff=kim, kind="email", address="second@anbu.example", order=1, verified_at=Now()
    )
    tell(kim, senior, Kind.HUB_OFFLINE)
    assert send() == 1
    assert senior.full_name not in f"{mail.outbox[0].subject} {mail.outbox[0].body}"


def test_what_rings_on_a_page_gives_it_half_a_minute(
    kim: Staff, senior: Senior, endpoint: NotificationEndpoint, send: Callable[[], int]
) -> None:
    notices.tell([kim], Kind.HUB_OFFLINE, "fault:1", senior_id=senior.pk, rings=True)
    assert send() == 0
    notices.mark_seen(Notice.objects.get().pk, kim)
    Notification.objects.update(due_at=Now())
    assert send() == 0
    assert NotificationAttempt.objects.get().result == "stopped"


def test_quiet_hours_hold_a_fault_until_the_morning(
    kim: Staff, senior: Senior, endpoint: NotificationEndpoint, night: None, send: Callable[[], int]
) -> None:
    tell(kim, senior, Kind.HUB_OFFLINE)
    assert send() == 0
    assert Notification.objects.get().due_at == datetime(2026, 11, 25, 7, 0, tzinfo=SEOUL)
    assert NotificationAttempt.objects.get().result == "put_off"


@pytest.mark.parametrize("severity", ["critical", "high", "medium"])
def test_quiet_hours_hold_no_emergency(
    kim: Staff, senior: Senior, endpoint: NotificationEndpoint, night: None, send: Callable[[], int], severity: str
) -> None:
    raised(senior, event_type="routine_change", severity=severity)
    Notification.objects.update(due_at=Now())
    assert send() == 1


def test_quiet_hours_do_not_hold_a_call_to_make(
    kim: Staff, senior: Senior, endpoint: NotificationEndpoint, night: None, send: Callable[[], int]
) -> None:
    tell(kim, senior, Kind.SOFT_ALARM_CALL)
    assert send() == 1


def test_who_wants_no_faults_there_gets_none_but_the_calls(
    kim: Staff, senior: Senior, endpoint: NotificationEndpoint, send: Callable[[], int]
) -> None:
    NotificationEndpoint.objects.update(tells_faults=False, quiet_from=None, quiet_until=None)
    tell(kim, senior, Kind.HUB_OFFLINE)
    assert send() == 0
    tell(kim, senior, Kind.CHECK_UNDELIVERABLE)
    assert send() == 1


@pytest.mark.parametrize(
    ("begins", "ends", "now", "expected"),
    [
        (time(22), time(7), datetime(2026, 1, 1, 23), datetime(2026, 1, 2, 7)),
        (time(22), time(7), datetime(2026, 1, 1, 6, 59), datetime(2026, 1, 1, 7)),
        (time(22), time(7), datetime(2026, 1, 1, 7), None),
        (time(22), time(7), datetime(2026, 1, 1, 22), datetime(2026, 1, 2, 7)),
        (time(1), time(5), datetime(2026, 1, 1, 3), datetime(2026, 1, 1, 5)),
        (time(1), time(5), datetime(2026, 1, 1, 0, 59), None),
        (time(1), time(1), datetime(2026, 1, 1, 1), None),
        (None, time(5), datetime(2026, 1, 1, 3), None),
    ],
)
def test_quiet_hours_end_when_they_say(
    begins: time | None, ends: time, now: datetime, expected: datetime | None
) -> None:
    assert end_of_quiet(begins, ends, now) == expected
