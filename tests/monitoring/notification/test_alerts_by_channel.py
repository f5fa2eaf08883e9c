"""An alert that nobody takes goes by the person's other channels, and falls silent once somebody took it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.core import mail
from django.db.models.functions import Now

from monitoring import alerting, escalation, ownership
from monitoring.ladder import Rung
from monitoring.models import AlertDelivery
from monitoring.notification.models import Notification, NotificationAttempt, NotificationEndpoint
from monitoring.notification.planning import plan_alerts
from monitoring.outbox import announce
from monitoring.roster_models import EscalationPolicy
from monitoring.timeline import ended_notifications, timeline_of
from monitoring.timeline_words import say_notification
from seniors.enrollment import unmap_staff
from seniors.models import Role
from tests.factories import make_staff, map_staff
from tests.monitoring.emergencies import again, raised
from tests.monitoring.emergencies import make_due as make_due_to_climb

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import DjangoAssertNumQueries

    from seniors.models import Senior, Staff
    from tests.monitoring.notification.push_service import Browser

pytestmark = pytest.mark.django_db


def make_due(**which: object) -> None:
    Notification.objects.filter(state="waiting", **which).update(due_at=Now())


def waits_s() -> list[tuple[str, int]]:
    """Kind and seconds from now of what waits, soonest first."""
    waiting = Notification.objects.filter(state="waiting").order_by("due_at")
    now = datetime.now(UTC)
    return [(row.kind, round((row.due_at - now).total_seconds())) for row in waiting]


def results(**which: object) -> list[str]:
    attempts = NotificationAttempt.objects.filter(**which).order_by("id")
    return list(attempts.values_list("result", flat=True))


def test_the_next_channel_follows_at_30_s_and_the_one_after_at_60(
    senior: Senior, kim: Staff, subscribe: Callable[[Staff], Browser], add_mail: Callable[[Staff], object]
) -> None:
    subscribe(kim)
    add_mail(kim)
    raised(senior)
    assert waits_s() == [("web_push", 30), ("email", 60)]


def test_nothing_goes_by_other_channels_before_its_time(
    senior: Senior, kim: Staff, subscribe: Callable[[Staff], Browser], send: Callable[[], int]
) -> None:
    browser = subscribe(kim)
    raised(senior)
    assert send() == 0
    assert browser.messages == []


def test_the_last_rung_rings_every_channel_at_once(
    senior: Senior,
    kim: Staff,
    subscribe: Callable[[Staff], Browser],
    add_mail: Callable[[Staff], object],
    send: Callable[[], int],
) -> None:
    browser = subscribe(kim)
    add_mail(kim)
    log = raised(senior)
    announce(log, "changed", alert=[kim], reason="escalated", every_channel=True)
    assert send() == 2
    assert len(browser.messages) == len(mail.outbox) == 1
    announce(log, "changed", alert=[kim], reason="escalated", every_channel=True)
    assert send() == 2


def test_a_repeated_alert_hastens_what_waits_and_never_puts_it_off_or_doubles_it(
    senior: Senior, kim: Staff, add_mail: Callable[[Staff], object], send: Callable[[], int]
) -> None:
    add_mail(kim)
    log = raised(senior)
    Notification.objects.update(due_at=Now() + timedelta(seconds=3))
    announce(log, "changed", alert=[kim], reason="escalated")
    assert waits_s() == [("email", 3)]
    announce(log, "changed", alert=[kim], reason="escalated", every_channel=True)
    assert waits_s() == [("email", 0)]
    assert send() == 1


def test_a_shorter_policy_is_followed(senior: Senior, kim: Staff, add_mail: Callable[[Staff], object]) -> None:
    EscalationPolicy.objects.create(next_channel_s=10)
    add_mail(kim)
    raised(senior)
    assert waits_s() == [("email", 10)]


def test_the_ladder_s_last_rung_is_the_one_that_rings_every_channel(
    senior: Senior, kim: Staff, park: Staff, add_mail: Callable[[Staff], object], send: Callable[[], int]
) -> None:
    for person in (kim, park):
        add_mail(person)
    log = raised(senior)
    while log.rung < Rung.EVERYBODY:
        make_due_to_climb(log)
        assert escalation.climb(log.pk)
        log.refresh_from_db()
    assert send() == 2
    assert sorted(message.to[0] for message in mail.outbox) == sorted([kim.email, park.email])


def test_acknowledging_stops_what_waits(
    senior: Senior, kim: Staff, park: Staff, add_mail: Callable[[Staff], object], send: Callable[[], int]
) -> None:
    add_mail(kim)
    log = raised(senior)
    ownership.acknowledge(log.pk, park)
    assert send() == 0
    assert Notification.objects.get().state == "stopped"  # at once, not only when it comes due
    assert mail.outbox == []


def test_what_is_due_in_the_moment_of_the_acknowledgement_is_not_sent(
    senior: Senior, kim: Staff, add_mail: Callable[[Staff], object], send: Callable[[], int]
) -> None:
    add_mail(kim)
    log = raised(senior)
    make_due()
    ownership.acknowledge(log.pk, kim)
    assert send() == 0
    assert mail.outbox == []


def test_resolving_stops_it_too_and_opening_again_rings_anew(
    senior: Senior, kim: Staff, add_mail: Callable[[Staff], object], send: Callable[[], int]
) -> None:
    add_mail(kim)
    log = raised(senior)
    alerting.resolve(log.pk, kim, "real")
    send()
    assert Notification.objects.filter(state="waiting").count() == 0
    alerting.reopen(log.pk, kim)
    assert waits_s() == [("email", 30)]
    make_due()
    assert send() == 1
    assert len(mail.outbox) == 1


def test_a_new_panic_after_the_acknowledgement_rings_anew(
    senior: Senior, kim: Staff, add_mail: Callable[[Staff], object], send: Callable[[], int]
) -> None:
    add_mail(kim)
    log = raised(senior, event_type="sos")
    ownership.acknowledge(log.pk, kim)
    send()
    again(log, is_panic=True)
    make_due()
    assert send() == 1


def test_a_hand_over_rings_who_is_asked_until_it_lapses(
    senior: Senior, kim: Staff, add_mail: Callable[[Staff], object], send: Callable[[], int], park: Staff
) -> None:
    choi = make_staff()
    map_staff(choi, senior)
    log = raised(senior)
    ownership.acknowledge(log.pk, kim)
    add_mail(choi)
    add_mail(kim)
    ownership.assign(log.pk, choi, kim)
    make_due()
    assert send() == 1
    assert [message.to for message in mail.outbox] == [[choi.email]]
    ownership.assign(log.pk, choi, kim)
    type(log).objects.filter(pk=log.pk).update(assign_due_at=Now() - timedelta(seconds=1))
    assert ownership.end_hand_over(log.pk)
    make_due()
    send()
    assert [message.to for message in mail.outbox] == [[choi.email], [kim.email]]


def test_whoever_lost_the_senior_or_the_account_gets_nothing_more(
    senior: Senior, kim: Staff, add_mail: Callable[[Staff], object], send: Callable[[], int]
) -> None:
    add_mail(kim)
    raised(senior)
    unmap_staff(kim.pk, senior.pk)
    make_due()
    assert send() == 0
    assert results() == ["stopped"]


def test_a_caseworker_who_became_family_is_alerted_no_more(
    senior: Senior, kim: Staff, add_mail: Callable[[Staff], object], send: Callable[[], int]
) -> None:
    add_mail(kim)
    raised(senior)
    type(kim).objects.filter(pk=kim.pk).update(role=Role.GUARDIAN)
    make_due()
    assert send() == 0


def test_a_channel_that_is_off_unproven_or_not_set_up_is_passed_over(
    senior: Senior, kim: Staff, subscribe: Callable[[Staff], Browser], add_mail: Callable[[Staff], NotificationEndpoint]
) -> None:
    subscribe(kim)
    add_mail(kim)
    NotificationEndpoint.objects.filter(kind="web_push").update(enabled=False)
    NotificationEndpoint.objects.create(staff=kim, kind="sms", address="01012345678", verified_at=Now())
    NotificationEndpoint.objects.create(staff=kim, kind="apprise", address="tgram://x/y")
    raised(senior)
    assert waits_s() == [("email", 30)]


def test_guardians_are_never_alerted_and_hear_by_notice_of_what_is_grave(
    senior: Senior, kim: Staff, guardian: Staff, add_mail: Callable[[Staff], object], send: Callable[[], int]
) -> None:
    endpoint = add_mail(guardian)
    log = raised(senior)
    assert not AlertDelivery.objects.filter(staff=guardian).exists()
    assert send() == 1
    alerting.resolve(log.pk, kim, "false_alarm")
    assert send() == 1
    assert [message.subject for message in mail.outbox] == ["안부", "안부"]
    assert all("/family/" in message.body and "박순자" not in message.body for message in mail.outbox)
    NotificationEndpoint.objects.filter(pk=endpoint.pk).update(tells_outcomes=False)  # type: ignore[attr-defined]
    second = raised(senior, event_type="sos")
    alerting.resolve(second.pk, kim, "real")
    raised(senior, event_type="routine_change", severity="medium")
    assert send() == 1


def test_the_owner_is_asked_by_every_channel_at_once(
    senior: Senior, kim: Staff, subscribe: Callable[[Staff], Browser], send: Callable[[], int]
) -> None:
    browser = subscribe(kim)
    log = raised(senior)
    ownership.acknowledge(log.pk, kim)
    send()
    type(log).objects.filter(pk=log.pk).update(ask_due_at=Now() - timedelta(seconds=1))
    assert ownership.ask(log.pk)
    assert send() == 1
    assert browser.messages[-1]["act"]["label"] == "계속 확인 중"


def test_raising_looks_for_channels_once_and_writes_them_together(
    senior: Senior,
    kim: Staff,
    guardian: Staff,
    add_mail: Callable[[Staff], object],
    subscribe: Callable[[Staff], Browser],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    log = raised(senior)
    deliveries = list(AlertDelivery.objects.all())
    with django_assert_num_queries(1):
        plan_alerts(log, deliveries, is_new=True, tells_family=True)
    for person in (kim, guardian):
        add_mail(person)
        subscribe(person)
    with django_assert_num_queries(3):  # channels, policies, one insert
        plan_alerts(log, deliveries, is_new=True, tells_family=True)
    assert Notification.objects.count() == 4


def test_the_timeline_tells_who_was_reached_by_what(
    senior: Senior, kim: Staff, guardian: Staff, add_mail: Callable[[Staff], object], send: Callable[[], int]
) -> None:
    add_mail(kim)
    add_mail(guardian)
    log = raised(senior)
    make_due()
    send()
    (told,) = [entry for entry in timeline_of(log) if entry["kind"] == "notification"]
    assert told["detail"] == {"staff_id": kim.pk, "channel": "email", "state": "sent", "received_at": None}
    (line,) = [say_notification(row) for row in ended_notifications(log)]
    assert (line.title, line.detail) == ("이메일 보냄", "김미영")
