"""A press while somebody tries the buttons out: it rings that person, and everybody unless they say it was a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db.models.functions import Now

from devices import installation_tests
from devices.models import InstallationTest
from monitoring import alerting, hub_batches, ownership, watchdog
from monitoring.models import AlertDelivery, EmergencyLog
from seniors.models import Staff
from tests.factories import make_hub, make_senior
from tests.monitoring.hub_posts import batch, event

if TYPE_CHECKING:
    from devices.models import IoTHub

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])


def press(hub: IoTHub, seconds_ago: float = 1, clock_off_s: float = 0) -> EmergencyLog:
    now = datetime.now(UTC)
    pressed = event(seconds_ago - clock_off_s, event_content="sos")
    body = batch(pressed, sent_at=(now + timedelta(seconds=clock_off_s)).isoformat())
    hub_batches.take_batch(hub.hub_id, hub.senior_id, body, now)
    return EmergencyLog.objects.latest("log_id")


def rung() -> set[str]:
    """Whom the alerts so far went to."""
    return set(AlertDelivery.objects.values_list("staff__full_name", flat=True))


def let_a_minute_pass() -> None:
    EmergencyLog.objects.filter(test=True).update(test_due_at=Now())


@pytest.fixture
def tried_by_park(hub: IoTHub, kim: Staff, park: Staff) -> InstallationTest:
    """Park, who is no caseworker of this senior, tries the hub out; Kim is the caseworker."""
    return installation_tests.start(hub, park, 10)


def test_a_press_rings_whoever_tries_it_out_and_nobody_else(hub: IoTHub, tried_by_park: InstallationTest) -> None:
    emergency = press(hub)
    assert emergency.test
    assert rung() == {"박지현"}


def test_a_press_resolved_as_a_test_never_rings_anybody_else(
    hub: IoTHub, park: Staff, tried_by_park: InstallationTest
) -> None:
    alerting.resolve(press(hub).log_id, park, "test")
    let_a_minute_pass()
    assert watchdog.sweep()["tests_overdue"] == 0
    assert rung() == {"박지현"}


@pytest.mark.parametrize("is_acknowledged", [False, True])
def test_a_press_not_resolved_in_a_minute_rings_everybody_as_a_real_one(
    hub: IoTHub, park: Staff, tried_by_park: InstallationTest, is_acknowledged: bool
) -> None:
    emergency = press(hub)
    if is_acknowledged:
        ownership.acknowledge(emergency.log_id, park)
    let_a_minute_pass()
    assert watchdog.sweep()["tests_overdue"] == 1
    emergency.refresh_from_db()
    assert (emergency.test, emergency.status) == (False, "open")
    assert emergency.step_due_at is not None
    assert rung() == {"박지현", "김미영"}
    assert [row.kind for row in emergency.transitions.all()][-1] == "test_overdue"
    assert watchdog.sweep()["tests_overdue"] == 0


def test_before_the_minute_is_over_nothing_climbs(hub: IoTHub, tried_by_park: InstallationTest) -> None:
    emergency = press(hub)
    done = watchdog.sweep()
    assert (done["tests_overdue"], done["climbed"]) == (0, 0)
    assert emergency.test_due_at is not None
    assert 55 < (emergency.test_due_at - emergency.detected_at).total_seconds() <= 60


def test_pressing_again_during_the_test_rings_the_same_person_and_prolongs_nothing(
    hub: IoTHub, tried_by_park: InstallationTest
) -> None:
    first = press(hub, 2)
    again = press(hub, 1)
    assert (again.log_id, again.repeats, again.test_due_at) == (first.log_id, 1, first.test_due_at)
    assert rung() == {"박지현"}


def test_a_press_after_the_test_makes_the_open_test_a_real_one_at_once(
    hub: IoTHub, tried_by_park: InstallationTest
) -> None:
    press(hub, 2)
    InstallationTest.objects.update(ends_at=Now())
    emergency = press(hub, 1)
    assert not emergency.test
    assert "김미영" in rung()


def test_a_press_from_before_the_test_that_comes_late_is_meant(hub: IoTHub, tried_by_park: InstallationTest) -> None:
    assert not press(hub, 300).test
    assert "김미영" in rung()


@pytest.mark.parametrize("clock_off_s", [3600, -3600])
def test_a_wrong_clock_of_the_hub_does_not_make_the_press_look_late(
    hub: IoTHub, tried_by_park: InstallationTest, clock_off_s: float
) -> None:
    assert press(hub, clock_off_s=clock_off_s).test


def test_a_press_joins_a_real_emergency_as_a_real_one(hub: IoTHub, kim: Staff, park: Staff) -> None:
    press(hub, 2)
    installation_tests.start(hub, park, 10)
    emergency = press(hub, 1)
    assert (emergency.test, emergency.repeats) == (False, 1)


def test_a_test_whose_starter_was_put_out_of_use_covers_nothing(hub: IoTHub, tried_by_park: InstallationTest) -> None:
    Staff.objects.filter(full_name="박지현").update(is_active=False)
    assert not press(hub).test


def test_another_home_is_not_tested_with_it(tried_by_park: InstallationTest) -> None:
    other, _ = make_hub(make_senior())
    assert not press(other).test
