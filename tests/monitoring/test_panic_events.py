from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from monitoring import hub_batches
from monitoring.models import EmergencyLog, EmergencySource, SensorLog
from tests.monitoring.hub_posts import batch, event

if TYPE_CHECKING:
    from devices.models import IoTHub

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])


def take(hub: IoTHub, *events: Any, clock_off_s: float = 0) -> int:
    """The status that answers these events, sent by a hub whose clock is `clock_off_s` ahead."""
    now = datetime.now(UTC)
    body = batch(*events, sent_at=(now + timedelta(seconds=clock_off_s)).isoformat())
    return hub_batches.take_batch(hub.hub_id, hub.senior_id, body, now).status


def test_a_panic_event_raises_a_critical_emergency(hub: IoTHub) -> None:
    assert take(hub, event(), event(event_content="fall 거실", sensor_id="거실 레이더")) == 200
    emergency = EmergencyLog.objects.get()
    assert (emergency.senior_id, emergency.event_type, emergency.severity) == (
        hub.senior_id,
        "fall_detection",
        "critical",
    )
    assert "거실 레이더" in emergency.description


def test_a_resent_panic_raises_nothing_more(hub: IoTHub) -> None:
    press = event(event_content="sos")
    for _ in range(3):
        take(hub, press, press)
    assert EmergencyLog.objects.get().repeats == 0


def test_a_second_press_repeats_the_first(hub: IoTHub) -> None:
    take(hub, event(9, event_content="sos"), event(4, event_content="sos"))
    assert EmergencyLog.objects.get().repeats == 1


def test_a_late_panic_says_in_its_description_how_late(hub: IoTHub) -> None:
    take(hub, event(3 * 3600 + 1, event_content="sos"))
    assert "180" in EmergencyLog.objects.get().description


def test_a_released_button_raises_nothing(hub: IoTHub) -> None:
    take(hub, event(event_content="sos", sensor_value=False))
    assert not EmergencyLog.objects.exists()


MISSHAPEN: list[dict[str, Any]] = [
    {"sensor_id": "bath\x00"},
    {"sensor_id": "\ud800"},
    {"sensor_id": None},
    {"sensor_id": {"room": ["bath"]}},
    {"sensor_id": "x" * 9000},
    {"event_content": "sos \x00\ud800"},
    {"event_content": "sos " + "x" * 9000},
    {"timestamp": "whenever\x00"},
    {"timestamp": None},
    {"timestamp": "9999-12-31T23:59:59Z"},
    {"timestamp": "0001-01-01T00:00:00Z"},
    {"colour": "red"},
]


@pytest.mark.parametrize("clock_off_s", [0, 3600, -3600])
@pytest.mark.parametrize("fields", MISSHAPEN, ids=str)
def test_a_misshapen_panic_raises_once_and_costs_the_others_nothing(
    hub: IoTHub, fields: dict[str, Any], clock_off_s: float
) -> None:
    events = [event(), event(9, **{"event_content": "sos", **fields})]
    statuses = [take(hub, *events, clock_off_s=clock_off_s) for _ in range(2)]
    assert statuses == [409 if clock_off_s else 200] * 2
    emergency = EmergencyLog.objects.get()
    assert (emergency.event_type, emergency.repeats) == ("sos", 0)
    assert emergency.occurred_at <= datetime.now(UTC)
    assert SensorLog.objects.count() == (0 if clock_off_s else 1)


# -- wrong clocks


@pytest.mark.parametrize("clock_off_s", [70, -70, 10**7])
def test_a_batch_under_a_wrong_clock_stores_nothing(hub: IoTHub, clock_off_s: float) -> None:
    assert take(hub, event(), clock_off_s=clock_off_s) == 409
    assert not SensorLog.objects.exists()


def test_a_clock_less_than_a_minute_off_is_fine(hub: IoTHub) -> None:
    assert take(hub, event(), clock_off_s=55) == 200


def test_under_a_wrong_clock_a_panic_occurred_at_the_servers_time(hub: IoTHub) -> None:
    take(hub, event(5 - 3600, event_content="sos"), clock_off_s=3600)
    assert abs(EmergencyLog.objects.get().occurred_at - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize("clock_off_s", [3600, -86_400])
def test_the_corrected_resend_of_a_press_is_the_same_source(hub: IoTHub, clock_off_s: float) -> None:
    for _ in range(2):
        take(hub, event(5 - clock_off_s, event_content="sos"), clock_off_s=clock_off_s)
    assert take(hub, event(6, event_content="sos")) == 200
    assert EmergencyLog.objects.get().repeats == 0


def test_another_press_after_the_clock_was_mended_is_another_source(hub: IoTHub) -> None:
    take(hub, event(5 - 3600, event_content="sos"), clock_off_s=3600)
    take(hub, event(60, event_content="sos"))
    assert EmergencyLog.objects.get().repeats == 1


def test_another_sensor_or_word_is_another_source_also_under_a_wrong_clock(hub: IoTHub) -> None:
    take(hub, event(5 - 3600, event_content="sos"), clock_off_s=3600)
    take(hub, event(event_content="sos", sensor_id="bed"), event(event_content="fire"))
    assert set(EmergencyLog.objects.values_list("event_type", "repeats")) == {("sos", 1), ("fire", 0)}


def test_a_sensor_named_like_a_corrected_source_disturbs_nobody(hub: IoTHub) -> None:
    names = ("bath:~", "bath:~2026", "bath")
    assert [take(hub, event(sensor_id=name, event_content="sos")) for name in names] == [200] * 3
    assert EmergencySource.objects.count() == 3
