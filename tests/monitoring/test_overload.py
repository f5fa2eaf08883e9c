"""Who is refused when there is too much, and who never is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from devices.database_threads import in_database_thread
from monitoring import ingest_app
from monitoring.models import EmergencyLog, SensorLog
from portal.asgi import application
from tests.monitoring.hub_posts import batch, event, post

if TYPE_CHECKING:
    import httpx

    from devices.models import IoTHub

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "timeseries"])
LARGE = batch(*[event(second) for second in range(100)])
assert len(LARGE) > 4096


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if as much were waiting as may."""
    monkeypatch.setattr(ingest_app, "MAX_WAITING_EVENTS", 0)


def assert_throttled(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (429, "application/problem+json")
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["title"]


async def spend_the_burst(key: str) -> list[int]:
    return [(await post(key, batch())).status_code for _ in range(90)]


async def test_a_hub_that_sends_more_than_its_rate_is_told_to_wait(hub: IoTHub, hub_key: str) -> None:
    statuses = await spend_the_burst(hub_key)
    assert statuses[:60] == [200] * 60
    assert statuses.count(429) > 0
    assert_throttled(await post(hub_key, batch(event())))
    assert await in_database_thread(SensorLog.objects.count) == 0


async def test_a_hub_beyond_its_rate_is_still_heard_when_it_calls_for_help(hub: IoTHub, hub_key: str) -> None:
    await spend_the_burst(hub_key)
    answer = await post(hub_key, batch(event(event_content="sos")))
    assert answer.status_code == 200
    assert await in_database_thread(EmergencyLog.objects.count) == 1


async def test_a_large_batch_is_refused_first(hub: IoTHub, hub_key: str, full: None) -> None:
    assert_throttled(await post(hub_key, LARGE))
    assert (await post(hub_key, batch(event()))).json()["accepted"] == 1


async def test_a_large_batch_that_calls_for_help_is_never_refused(hub: IoTHub, hub_key: str, full: None) -> None:
    body = batch(event(event_content="fall"), *[event(second) for second in range(1, 100)])
    assert (await post(hub_key, body)).json()["accepted"] == 100
    assert await in_database_thread(EmergencyLog.objects.count) == 1


async def test_a_body_that_does_not_come_is_given_up(
    hub: IoTHub, hub_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.request_bodies.BODY_WITHIN_S", 0.2)
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        if not sent:
            sent.append({"type": "http.request", "body": b"{", "more_body": True})
            return sent[0]
        await asyncio.sleep(60)
        raise AssertionError("asked again after it was given up")

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Api-Key {hub_key}".encode()), (b"content-length", b"100")]
    scope = {"type": "http", "method": "POST", "path": ingest_app.PATH, "headers": headers}
    await asyncio.wait_for(application(scope, receive, send), 5)
    assert sent[1]["status"] == 408
