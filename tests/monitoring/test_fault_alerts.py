from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from devices import faults, presence
from devices.models import Fault, IoTHub
from monitoring import fault_alerts, watchdog
from monitoring.models import RiskState
from monitoring.notice_models import FaultAlert, Notice
from tests.api_calls import call
from tests.factories import make_hub, make_senior, map_staff
from tests.monitoring.emergencies import raised

if TYPE_CHECKING:
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db


def go_offline(*hubs: IoTHub) -> list[Fault]:
    """Each was heard of and then no more."""
    gone = IoTHub.objects.filter(pk__in=[hub.pk for hub in hubs])
    gone.update(status="online", silent_at=Now() - timedelta(seconds=1))
    presence.sweep_offline()
    return [Fault.objects.get(hub=hub, kind="hub_offline", cleared_at=None) for hub in hubs]


def let_minutes_pass(minutes: int) -> None:
    """As if every hub had been away for that much longer."""
    span = timedelta(minutes=minutes)
    Fault.objects.update(since=F("since") - span)
    FaultAlert.objects.update(due_at=F("due_at") - span, supervisors_due_at=F("supervisors_due_at") - span)
    watchdog.sweep()


def told(person: Staff) -> list[tuple[str, list[int]]]:
    return [(row.kind, row.values["fault_ids"]) for row in Notice.objects.filter(staff=person).order_by("notice_id")]


def test_after_ten_minutes_the_caseworker_is_told_and_after_an_hour_the_supervisor(
    hub: IoTHub, kim: Staff, lee: Staff, park: Staff
) -> None:
    (fault,) = go_offline(hub)
    let_minutes_pass(9)
    assert (told(kim), told(park)) == ([], [])
    let_minutes_pass(2)
    assert (told(kim), told(park), told(lee)) == ([("hub_offline", [fault.pk])], [], [])
    let_minutes_pass(48)
    assert told(park) == []
    let_minutes_pass(2)
    let_minutes_pass(2)
    assert [len(told(person)) for person in (kim, park, lee)] == [1, 1, 0]


@pytest.mark.parametrize("level", ["warning", "emergency"])
def test_at_once_where_the_model_was_worried(senior: Senior, hub: IoTHub, kim: Staff, level: str) -> None:
    RiskState.objects.create(senior=senior, level=level, score=0.9, observed_at=Now())
    go_offline(hub)
    watchdog.sweep()
    assert len(told(kim)) == 1


def test_a_risk_that_only_asks_for_a_look_waits(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    RiskState.objects.create(senior=senior, level="watch", score=0.5, observed_at=Now())
    go_offline(hub)
    watchdog.sweep()
    assert told(kim) == []


def test_at_once_where_an_emergency_is_unresolved_or_becomes_so(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    go_offline(hub)
    watchdog.sweep()
    assert told(kim) == []
    raised(senior)
    watchdog.sweep()
    assert len(told(kim)) == 1


def test_what_somebody_has_looked_at_or_is_over_tells_nobody(hub: IoTHub, kim: Staff, park: Staff) -> None:
    (fault,) = go_offline(hub)
    faults.mark_seen(fault, kim)
    let_minutes_pass(61)
    assert (told(kim), told(park)) == ([], [])
    faults.clear_fault(hub.pk, Fault.Kind.HUB_OFFLINE)
    (other,) = go_offline(hub)
    assert other != fault
    faults.clear_fault(hub.pk, Fault.Kind.HUB_OFFLINE)
    let_minutes_pass(61)
    assert (told(kim), told(park)) == ([], [])


def test_where_nobody_cares_for_the_senior_the_supervisor_is_told_instead(hub: IoTHub, park: Staff) -> None:
    go_offline(hub)
    let_minutes_pass(10)
    assert len(told(park)) == 1
    let_minutes_pass(60)
    assert len(told(park)) == 1


def test_many_hubs_at_once_are_one_notice(senior: Senior, hub: IoTHub, kim: Staff, park: Staff) -> None:
    others = [make_senior() for _ in range(3)]
    for other in others:
        map_staff(kim, other)
    gone = go_offline(hub, *(make_hub(other)[0] for other in others))
    let_minutes_pass(10)
    assert [sorted(ids) for _, ids in told(kim)] == [sorted(fault.pk for fault in gone)]
    answer = call(kim, "get", "notices?open=true").json()
    assert (answer["count"], answer["results"][0]["text"]) == (1, "4곳의 허브가 함께 연결이 끊겼습니다")


def test_a_notice_is_over_when_the_hub_is_back(hub: IoTHub, kim: Staff) -> None:
    go_offline(hub)
    let_minutes_pass(10)
    assert call(kim, "get", "notices?open=true").json()["count"] == 1
    faults.clear_fault(hub.pk, Fault.Kind.HUB_OFFLINE)
    watchdog.sweep()
    assert call(kim, "get", "notices?open=true").json()["count"] == 0
    assert call(kim, "get", "notices").json()["count"] == 1


def test_a_fault_that_was_there_before_is_watched_too(hub: IoTHub, kim: Staff) -> None:
    go_offline(hub)
    FaultAlert.objects.all().delete()
    Fault.objects.update(since=Now() - timedelta(minutes=11))
    watchdog.sweep()
    assert len(told(kim)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_watchdogs_at_once_tell_nobody_twice(hub: IoTHub, kim: Staff) -> None:
    (fault,) = go_offline(hub)
    FaultAlert.objects.update(due_at=Now() - timedelta(seconds=1))

    def tell() -> Any:
        try:
            return fault_alerts.tell_caseworkers(fault.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as watchdogs:
        assert sum(watchdogs.map(lambda _: tell(), range(8))) == 1
    assert len(told(kim)) == 1
