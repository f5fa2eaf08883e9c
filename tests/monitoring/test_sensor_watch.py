from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db.models.functions import Now

from devices import presence, registration
from devices.models import Fault, IoTHub
from monitoring import event_store, sensor_watch
from monitoring.ingest import SensorReading

if TYPE_CHECKING:
    from seniors.models import Senior

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])
NOW = datetime.now(UTC)


def lived(hub: IoTHub, sensor_id: str, since_days: int, until_days: float) -> None:
    """One event an hour."""
    hours = range(int(until_days * 24), since_days * 24)
    moments = [NOW - timedelta(hours=hour, minutes=1) for hour in hours]
    event_store.store(hub.hub_id, [SensorReading(moment, sensor_id, "motion", True) for moment in moments])


def open_faults() -> list[tuple[str, str]]:
    return list(Fault.objects.filter(cleared_at=None).order_by("sensor_id").values_list("kind", "sensor_id"))


def look_again() -> int:
    IoTHub.objects.update(sensors_due_at=Now())
    return sensor_watch.sweep()


@pytest.fixture
def home(hub: IoTHub) -> IoTHub:
    """Online; its bed went silent three days ago, its bath did not."""
    presence._posted.clear()
    presence.mark_post(hub.hub_id)
    lived(hub, "bath", 10, 0)
    lived(hub, "bed", 10, 3)
    return hub


def test_a_dead_sensor_is_one_fault_until_it_is_heard_again(home: IoTHub) -> None:
    assert [sensor_watch.sweep(), look_again()] == [1, 1]
    assert open_faults() == [("sensor_dead", "bed")]
    lived(home, "bed", 1, 0)
    look_again()
    assert open_faults() == []


def test_a_chattering_sensor_is_a_fault_of_that_sensor(home: IoTHub) -> None:
    chatter = [SensorReading(NOW - timedelta(milliseconds=500 * i), "bath", "motion", True) for i in range(2000)]
    event_store.store(home.hub_id, chatter)
    sensor_watch.sweep()
    assert ("sensor_chattering", "bath") in open_faults()


def test_a_home_is_looked_at_once_in_half_an_hour(home: IoTHub) -> None:
    assert [sensor_watch.sweep(), sensor_watch.sweep()] == [1, 0]


@pytest.mark.parametrize("status", ["offline", "never_seen"])
def test_a_home_that_cannot_be_heard_is_not_judged(home: IoTHub, status: str) -> None:
    IoTHub.objects.update(status=status)
    assert sensor_watch.sweep() == 0
    assert open_faults() == []


def test_a_replaced_hub_takes_the_sensors_habits_with_it(home: IoTHub, senior: Senior) -> None:
    new, _ = registration.replace_hub(senior, home.hub_id, "HUB-NEW", None)
    presence.mark_post(new.hub_id)
    sensor_watch.sweep()
    assert [fault.hub_id for fault in Fault.objects.filter(cleared_at=None)] == [new.hub_id]


def test_a_sensor_gone_for_four_weeks_is_no_fault_any_more(home: IoTHub) -> None:
    Fault.objects.create(hub=home, kind=Fault.Kind.SENSOR_DEAD, sensor_id="cellar")
    sensor_watch.sweep()
    assert open_faults() == [("sensor_dead", "bed")]
