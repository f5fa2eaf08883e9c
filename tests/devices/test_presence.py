from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from devices import presence
from devices.models import Fault, IoTHub
from devices.signals import hub_went_offline
from tests.factories import make_hub, make_senior

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def no_memory() -> Iterator[None]:
    """Each test is a process that has seen no hub before."""
    presence._posted.clear()
    presence._equipment.clear()
    presence._clocks.clear()
    yield


def open_socket(hub: IoTHub) -> str:
    socket_id = presence.socket_opened(hub.hub_id)
    assert socket_id is not None
    return socket_id


def state(hub: IoTHub) -> str:
    hub.refresh_from_db()
    return hub.status


def seconds_left(hub: IoTHub) -> float:
    left = ExpressionWrapper(F("silent_at") - Now(), output_field=DurationField())
    found = IoTHub.objects.filter(pk=hub.pk).annotate(left=left).values_list("left", flat=True).get()
    return float(found.total_seconds())


def let_silence_pass(hub: IoTHub) -> list[IoTHub]:
    IoTHub.objects.filter(pk=hub.pk).update(silent_at=Now() - timedelta(milliseconds=1))
    return presence.sweep_offline()


def open_faults(hub: IoTHub) -> list[str]:
    return list(Fault.objects.filter(hub=hub, cleared_at=None).values_list("kind", flat=True))


def test_a_hub_that_was_never_heard_of_is_never_seen(hub: IoTHub) -> None:
    assert presence.sweep_offline() == []
    assert state(hub) == "never_seen"


def test_a_socket_without_a_heartbeat_is_not_online(hub: IoTHub) -> None:
    open_socket(hub)
    assert state(hub) == "never_seen"


def test_a_heartbeat_makes_online_for_three_intervals(hub: IoTHub) -> None:
    assert presence.mark_heartbeat(hub.hub_id, open_socket(hub), 80, True)
    assert state(hub) == "online"
    assert (hub.battery, hub.robot_online) == (80, True)
    assert 29 < seconds_left(hub) <= 30


def test_silence_turns_offline_with_one_fault_and_one_signal(hub: IoTHub) -> None:
    heard: list[int] = []

    def hear(hub: IoTHub, **kwargs: Any) -> None:
        heard.append(hub.hub_id)

    hub_went_offline.connect(hear)
    try:
        presence.mark_heartbeat(hub.hub_id, open_socket(hub), None, True)
        assert [gone.hub_id for gone in let_silence_pass(hub)] == [hub.hub_id]
        assert presence.sweep_offline() == []
    finally:
        hub_went_offline.disconnect(hear)
    assert heard == [hub.hub_id]
    assert state(hub) == "offline"
    assert open_faults(hub) == ["hub_offline"]


def test_a_receiver_that_fails_leaves_the_hub_for_the_next_sweep(hub: IoTHub) -> None:
    def fail(**kwargs: Any) -> None:
        raise RuntimeError("no")

    presence.mark_heartbeat(hub.hub_id, open_socket(hub), None, True)
    hub_went_offline.connect(fail)
    try:
        with pytest.raises(RuntimeError):
            let_silence_pass(hub)
    finally:
        hub_went_offline.disconnect(fail)
    assert state(hub) == "online"
    assert open_faults(hub) == []


def test_the_return_clears_the_fault(hub: IoTHub) -> None:
    presence.mark_heartbeat(hub.hub_id, open_socket(hub), None, True)
    let_silence_pass(hub)
    presence.mark_heartbeat(hub.hub_id, open_socket(hub), None, True)
    assert state(hub) == "online"
    assert open_faults(hub) == []


def test_the_end_of_the_socket_leaves_what_is_left_of_the_last_heartbeat(hub: IoTHub) -> None:
    socket_id = open_socket(hub)
    presence.mark_heartbeat(hub.hub_id, socket_id, None, True)
    assert presence.socket_ended(hub.hub_id, socket_id)
    assert state(hub) == "online"
    assert seconds_left(hub) <= 30


def test_a_post_moves_only_last_seen_at_while_there_is_a_socket(hub: IoTHub) -> None:
    presence.mark_heartbeat(hub.hub_id, open_socket(hub), None, True)
    IoTHub.objects.update(last_seen_at=None)
    presence.mark_post(hub.hub_id)
    assert seconds_left(hub) <= 30
    assert state(hub) == "online"
    assert hub.last_seen_at is not None


def test_a_post_does_not_put_a_hub_online_that_has_a_socket_without_heartbeat(hub: IoTHub) -> None:
    open_socket(hub)
    presence.mark_post(hub.hub_id)
    assert state(hub) == "never_seen"


def test_a_post_after_the_sockets_end_keeps_online_for_90_seconds(hub: IoTHub) -> None:
    socket_id = open_socket(hub)
    presence.mark_heartbeat(hub.hub_id, socket_id, None, True)
    presence.mark_post(hub.hub_id)
    presence.socket_ended(hub.hub_id, socket_id)
    presence.mark_post(hub.hub_id)
    assert 89 < seconds_left(hub) <= 90


def test_a_post_counts_right_after_a_post_beside_a_socket_of_another_process(hub: IoTHub) -> None:
    socket_id = open_socket(hub)
    presence.mark_heartbeat(hub.hub_id, socket_id, None, True)
    presence.mark_post(hub.hub_id)
    IoTHub.objects.update(socket_id="")  # as the other process writes it
    presence.mark_post(hub.hub_id)
    assert 89 < seconds_left(hub) <= 90


def test_a_hub_without_socket_is_online_by_its_posts(hub: IoTHub) -> None:
    presence.mark_post(hub.hub_id)
    assert state(hub) == "online"
    let_silence_pass(hub)
    presence._posted.clear()  # 90 s later
    presence.mark_post(hub.hub_id)
    assert state(hub) == "online"
    assert open_faults(hub) == []


def test_the_socket_of_a_crashed_process_does_not_hold_posts_back(hub: IoTHub) -> None:
    presence.mark_heartbeat(hub.hub_id, open_socket(hub), None, True)
    let_silence_pass(hub)
    presence.mark_post(hub.hub_id)
    assert state(hub) == "online"


def test_a_newer_socket_takes_over_and_the_older_ones_end_changes_nothing(hub: IoTHub) -> None:
    old, new = open_socket(hub), open_socket(hub)
    assert not presence.mark_heartbeat(hub.hub_id, old, None, True)
    assert not presence.socket_ended(hub.hub_id, old)
    assert presence.mark_heartbeat(hub.hub_id, new, None, True)


def test_a_restart_of_ours_gives_online_hubs_time_to_come_back(hub: IoTHub) -> None:
    presence.mark_heartbeat(hub.hub_id, open_socket(hub), None, True)
    IoTHub.objects.update(silent_at=Now() - timedelta(hours=1))
    assert presence.grant_grace() == 1
    assert presence.sweep_offline() == []
    # the reference hub that found nobody for long waits up to 60 s before it tries again
    assert 70 < seconds_left(hub) <= 75


@pytest.mark.parametrize(("outage_s", "grace_s"), [(1.0, 30), (20.0, 55), (600.0, 75)])
def test_grace_grows_with_the_outage(hub: IoTHub, outage_s: float, grace_s: int) -> None:
    presence.mark_heartbeat(hub.hub_id, open_socket(hub), None, True)
    IoTHub.objects.update(silent_at=Now())
    presence.grant_grace(outage_s)
    assert grace_s - 5 < seconds_left(hub) <= grace_s


def test_grace_takes_nothing_away(hub: IoTHub) -> None:
    presence.mark_post(hub.hub_id)
    presence.grant_grace()
    assert seconds_left(hub) > 80


def test_a_deregistered_hub_is_never_online(hub: IoTHub) -> None:
    socket_id = open_socket(hub)
    IoTHub.objects.update(deregistered_at=Now())
    assert not presence.mark_heartbeat(hub.hub_id, socket_id, None, True)
    assert presence.socket_opened(hub.hub_id) is None
    presence.mark_post(hub.hub_id)
    assert state(hub) == "never_seen"


def test_a_low_battery_is_a_fault_until_it_is_well_charged(hub: IoTHub) -> None:
    socket_id = open_socket(hub)
    seen = []
    for battery in (15, 14, 20, 24, 25):
        presence.mark_heartbeat(hub.hub_id, socket_id, battery, True)
        seen.append(open_faults(hub))
    assert seen == [[], ["battery_low"], ["battery_low"], ["battery_low"], []]


def test_a_robot_that_is_away_is_a_fault_until_it_is_back(hub: IoTHub) -> None:
    socket_id = open_socket(hub)
    presence.mark_heartbeat(hub.hub_id, socket_id, None, False)
    assert open_faults(hub) == ["robot_offline"]
    presence.mark_heartbeat(hub.hub_id, socket_id, None, True)
    assert open_faults(hub) == []


def test_an_ordinary_heartbeat_is_one_statement(hub: IoTHub, django_assert_num_queries: Any) -> None:
    socket_id = open_socket(hub)
    presence.mark_heartbeat(hub.hub_id, socket_id, 80, True)
    with django_assert_num_queries(1):
        presence.mark_heartbeat(hub.hub_id, socket_id, 79, True)


def test_posts_in_quick_succession_write_once(hub: IoTHub, django_assert_num_queries: Any) -> None:
    presence.mark_post(hub.hub_id)
    with django_assert_num_queries(0):
        presence.mark_post(hub.hub_id)


# -- heartbeats of many hubs in one statement


def routine(hub: IoTHub, socket_id: str, battery: int = 80) -> presence.Beat:
    return presence.Beat(hub.hub_id, socket_id, battery, True)


def test_a_heartbeat_that_says_nothing_new_may_wait_for_others(hub: IoTHub) -> None:
    beat = routine(hub, open_socket(hub))
    assert not presence.is_routine(beat)
    presence.mark_heartbeat(*beat)
    assert presence.is_routine(beat._replace(battery=79, skew_s=5))
    news = [{"battery": 3}, {"robot_online": False}, {"skew_s": 61}, {"socket_id": "another"}]
    assert [presence.is_routine(beat._replace(**fields)) for fields in news] == [False] * 4  # type: ignore[arg-type]  # a dict of several types


def test_waiting_heartbeats_of_many_hubs_are_one_statement(db: None, django_assert_num_queries: Any) -> None:
    hubs = [make_hub(make_senior())[0] for _ in range(5)]
    beats = [routine(hub, open_socket(hub)) for hub in hubs]
    for beat in beats:
        presence.mark_heartbeat(*beat)
    IoTHub.objects.update(last_seen_at=None, battery=None, silent_at=Now())
    with django_assert_num_queries(1):
        assert presence.mark_heartbeats([(beat, 0.4) for beat in beats]) == 5
    for hub in hubs:
        hub.refresh_from_db()
        assert 29 < seconds_left(hub) <= 29.7
        assert hub.battery == 80
        assert hub.last_seen_at is not None


def test_a_waiting_heartbeat_of_a_replaced_socket_moves_nothing_and_is_judged_next_time(hub: IoTHub) -> None:
    beat = routine(hub, open_socket(hub))
    presence.mark_heartbeat(*beat)
    open_socket(hub)
    assert presence.mark_heartbeats([(beat, 0.1)]) == 0
    assert not presence.is_routine(beat)


def test_a_waiting_heartbeat_does_not_bring_back_a_hub_that_was_given_up(hub: IoTHub) -> None:
    beat = routine(hub, open_socket(hub))
    presence.mark_heartbeat(*beat)
    let_silence_pass(hub)
    assert presence.mark_heartbeats([(beat, 0.1)]) == 0
    assert state(hub) == "offline"


def test_posts_of_many_hubs_are_one_statement(db: None, django_assert_num_queries: Any) -> None:
    hub_ids = [make_hub(make_senior())[0].hub_id for _ in range(5)]
    presence.mark_posts(hub_ids)
    presence._posted.clear()  # 5 s later
    with django_assert_num_queries(1):
        presence.mark_posts(hub_ids)
    assert set(IoTHub.objects.values_list("status", flat=True)) == {"online"}


# -- clocks


def test_a_clock_a_minute_off_is_a_fault_until_it_is_right(hub: IoTHub) -> None:
    socket_id = open_socket(hub)
    seen = []
    for skew_s in (60, -61, 45, -30):
        presence.mark_heartbeat(hub.hub_id, socket_id, None, True, skew_s)
        seen.append(open_faults(hub))
    assert seen == [[], ["clock_skew"], ["clock_skew"], []]
    hub.refresh_from_db()
    assert hub.clock_skew_s == -30


def test_a_post_tells_of_the_clock_too(hub: IoTHub) -> None:
    presence.mark_refused_post(hub.hub_id, timedelta(hours=9))
    assert (state(hub), open_faults(hub)) == ("online", ["clock_skew"])
    presence.mark_post(hub.hub_id)
    assert open_faults(hub) == []


@pytest.mark.parametrize("year", [1, 9999])
def test_the_wildest_clock_fits_its_column(hub: IoTHub, year: int) -> None:
    theirs = datetime(year, 1, 1, tzinfo=UTC)
    skew = datetime(2026, 11, 22, tzinfo=UTC) - theirs
    assert presence.mark_heartbeat(hub.hub_id, open_socket(hub), None, True, presence.fit_skew(skew))
    presence.mark_refused_post(hub.hub_id, skew)
    assert open_faults(hub) == ["clock_skew"]
