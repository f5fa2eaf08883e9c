"""How far an installation has come: whether the hub was heard, and which sensors and buttons on the walk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from devices import installation_tests
from devices.models import InstallationTest
from monitoring import sensor_events
from monitoring.models import EmergencyLog
from monitoring.sensor_words import say_sensor

if TYPE_CHECKING:
    from datetime import datetime

    from devices.models import IoTHub

KNOWN_FOR = timedelta(days=7)
WALK_LASTS = timedelta(hours=2)
NEWEST_SHOWN = 6


@dataclass(frozen=True)
class WalkedSensor:
    """A sensor of the home: when it was heard last, and whether that was on this walk."""

    sensor_id: str
    name: str
    heard_at: datetime
    on_walk: bool


def find_walk(hub: IoTHub) -> InstallationTest | None:
    """The walk of this visit: the newest test of the hub, up to two hours after it began."""
    since = timezone.now() - WALK_LASTS
    return InstallationTest.objects.filter(hub=hub, started_at__gt=since).order_by("-test_id").first()


def list_sensors(hub: IoTHub, walk: InstallationTest | None) -> list[WalkedSensor]:
    """Every sensor heard within a week, by name. What is true of one: `on_walk`, heard since the walk began."""
    since = timezone.now() - KNOWN_FOR
    heard = sensor_events.last_heard(hub.hub_id, since)
    sensors = [
        WalkedSensor(sensor_id, say_sensor(sensor_id), at, walk is not None and at >= walk.started_at)
        for sensor_id, at in heard.items()
    ]
    return sorted(sensors, key=lambda sensor: sensor.name)


def describe_progress(hub: IoTHub) -> dict[str, Any]:
    """What the page's moving part shows."""
    walk = find_walk(hub)
    sensors = list_sensors(hub, walk)
    newest = sensor_events.recent([hub.hub_id], walk.started_at, limit=NEWEST_SHOWN) if walk else []
    pressed = EmergencyLog.objects.filter(senior_id=hub.senior_id, test=True).exclude(tested_by=None)
    return {
        "hub": hub,
        "senior": hub.senior,
        "walk": walk,
        "lasting": installation_tests.find_lasting(hub.hub_id),
        "sensors": sensors,
        "walked": sum(sensor.on_walk for sensor in sensors),
        "newest": [(event, say_sensor(event.sensor_id)) for event in reversed(newest)],
        "presses": list(pressed.filter(detected_at__gte=walk.started_at).order_by("-log_id")) if walk else [],
    }
