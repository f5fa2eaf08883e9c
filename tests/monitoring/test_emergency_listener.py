"""The listener itself, in a thread, on the real stream."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.conf import settings
from django.db import OperationalError, connection

from monitoring import alerting, emergency_listener
from monitoring.alerting import resolve
from monitoring.emergency_bus import DEAD, GROUP, STREAM
from monitoring.emergency_listener import EmergencyListener
from monitoring.models import EmergencyLog
from monitoring.notification.models import Notification
from tests.factories import make_staff
from tests.monitoring.emergencies import let_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "timeseries"])


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(emergency_listener, "BLOCK_MS", 100)
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.delete(STREAM, DEAD)
    yield client
    client.delete(STREAM, DEAD)
    client.close()


@contextmanager
def listening() -> Iterator[threading.Thread]:
    """A listener for as long as the block lasts. It must end by itself, without an error."""
    stopping = threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        listener = EmergencyListener(settings.REDIS_URL, stopping.is_set)
        try:
            listener.run()
        except BaseException as error:
            errors.append(error)
            raise
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        stopping.set()
        thread.join(10)
    assert not thread.is_alive()
    assert errors == []


def publish(stream: Any, senior: Senior, **fields: Any) -> dict[str, Any]:
    senior_id = fields.get("senior_id", senior.pk)
    entry = {
        "message_id": "1",
        "senior_id": senior_id,
        "event_type": "inactivity",
        "episode": f"{senior_id}:inactivity:2026-11-22T05:00:00Z:0",
        "severity": "high",
        "description": "3시간째 움직임이 없습니다.",
        "occurred_at": "2026-11-22T05:00:00+00:00",
        "detected_at": "2026-11-22T08:00:00+00:00",
        "weight_id": None,
        **fields,
    }
    stream.xadd(STREAM, {"json": json.dumps(entry)})
    return entry


def wait_until(is_so: Callable[[], bool], within_s: float = 5) -> None:
    ends = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.02)


def is_drained(stream: Any) -> bool:
    """Whether everything was taken and acknowledged."""
    try:
        return bool(stream.xlen(STREAM) == 0 and stream.xpending(STREAM, GROUP)["pending"] == 0)
    except redis.ResponseError:
        return False


def test_a_finding_is_raised_once_however_often_it_is_published(stream: Any, senior: Senior) -> None:
    with listening():
        for _ in range(3):
            publish(stream, senior)
        wait_until(lambda: is_drained(stream))
    emergency = EmergencyLog.objects.get()
    assert (emergency.senior_id, emergency.event_type, emergency.severity, emergency.repeats) == (
        senior.pk,
        "inactivity",
        "high",
        0,
    )
    assert emergency.occurred_at == datetime(2026, 11, 22, 5, tzinfo=UTC)
    assert emergency.detected_at == datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert stream.xlen(DEAD) == 0


def test_the_row_takes_the_higher_of_the_entrys_severity_and_its_types(stream: Any, senior: Senior) -> None:
    with listening():
        publish(stream, senior, severity="medium")
        wait_until(lambda: is_drained(stream))
    assert EmergencyLog.objects.get().severity == "high"


def test_what_cannot_be_taken_goes_to_the_dead_and_costs_the_others_nothing(stream: Any, senior: Senior) -> None:
    make_staff(is_superuser=True)
    stream.xadd(STREAM, {"json": b"\xff"})
    stream.xadd(STREAM, {"other": "field"})
    publish(stream, senior, senior_id=senior.pk + 1000)
    publish(stream, senior, weight_id=2**40)
    publish(stream, senior)
    with listening():
        wait_until(lambda: is_drained(stream))
    assert EmergencyLog.objects.count() == 1
    reasons = [fields[b"reason"].decode() for _, fields in stream.xrange(DEAD)]
    assert len(reasons) == 4
    assert all(reasons)
    (told,) = Notification.objects.filter(purpose="operator")  # the others are no news for an hour
    assert DEAD in told.values["text"]


def test_the_group_is_made_anew_when_it_is_gone(stream: Any, senior: Senior) -> None:
    with listening():
        wait_until(lambda: stream.exists(STREAM) == 1)
        stream.delete(STREAM)
        publish(stream, senior)
        wait_until(lambda: EmergencyLog.objects.count() == 1)
        stream.xgroup_destroy(STREAM, GROUP)
        publish(stream, senior, event_type="no_wake_up", episode=f"{senior.pk}:no_wake_up:x:0")
        wait_until(lambda: EmergencyLog.objects.count() == 2)


def test_a_redis_that_lost_everything_is_no_end(stream: Any, senior: Senior, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emergency_listener, "BLOCK_MS", 2000)
    with listening():
        wait_until(lambda: stream.exists(STREAM) == 1)
        time.sleep(0.2)  # the listener is blocked in its read
        stream.flushdb()
        publish(stream, senior)
        wait_until(lambda: EmergencyLog.objects.count() == 1)


def test_an_entry_left_by_a_crash_before_its_acknowledgement_is_taken_by_the_next_listener(
    stream: Any, senior: Senior
) -> None:
    listener = EmergencyListener(settings.REDIS_URL, lambda: True)
    listener._make_group()
    publish(stream, senior)
    # a listener of this machine read it and died
    stream.xreadgroup(GROUP, listener._name, {STREAM: ">"})
    assert stream.xpending(STREAM, GROUP)["pending"] == 1
    listener._redis.close()
    with listening():
        wait_until(lambda: is_drained(stream))
    assert EmergencyLog.objects.count() == 1


def test_an_entry_of_a_listener_that_never_comes_back_is_claimed(
    stream: Any, senior: Senior, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert emergency_listener.CLAIM_AFTER_MS == 30_000
    monkeypatch.setattr(emergency_listener, "CLAIM_AFTER_MS", 300)
    stream.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    publish(stream, senior)
    stream.xreadgroup(GROUP, "another machine", {STREAM: ">"})
    with listening():
        time.sleep(0.1)
        assert not EmergencyLog.objects.exists()
        wait_until(lambda: is_drained(stream))
    assert EmergencyLog.objects.count() == 1


def test_a_database_that_is_away_is_waited_for(stream: Any, senior: Senior, monkeypatch: pytest.MonkeyPatch) -> None:
    is_away = threading.Event()
    is_away.set()
    really = alerting.raise_emergency

    def raise_when_there(*args: Any) -> Any:
        if is_away.is_set():
            raise OperationalError("the server closed the connection unexpectedly")
        return really(*args)

    monkeypatch.setattr(emergency_listener, "raise_emergency", raise_when_there)
    with listening():
        publish(stream, senior)
        wait_until(lambda: [group["pending"] for group in stream.xinfo_groups(STREAM)] == [1])
        is_away.clear()
        wait_until(lambda: is_drained(stream))
    assert EmergencyLog.objects.count() == 1


def test_an_episode_that_was_a_false_alarm_comes_back_while_the_home_is_silent(
    stream: Any, senior: Senior, kim: Staff
) -> None:
    with listening():
        publish(stream, senior)
        wait_until(lambda: is_drained(stream))
        log = resolve(EmergencyLog.objects.get().pk, kim, "false_alarm")
        let_pass(log, "resolved_at", hours=2, seconds=1)
        publish(stream, senior)
        wait_until(lambda: is_drained(stream))
    assert EmergencyLog.objects.count() == 2
