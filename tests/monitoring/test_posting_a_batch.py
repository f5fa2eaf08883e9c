from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError, connections
from django.test import Client

from devices import registration
from devices.database_threads import in_database_thread
from devices.models import IoTHub
from monitoring import sensor_events
from monitoring.models import EmergencyLog, IngestBatch, SensorLog
from tests.monitoring.hub_posts import batch, call, event, losing_the_connection, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from seniors.models import Staff

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "timeseries"])


@pytest.fixture(autouse=True)
def short_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's ASGI handler takes a new thread for each request, whose connection nobody would close."""
    for alias in connections:
        monkeypatch.setitem(connections[alias].settings_dict, "CONN_MAX_AGE", 0)


def problem(answer: httpx.Response) -> tuple[int, str]:
    """(status, code) of an answer in the one shape that errors have."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"]


async def stored() -> list[tuple[str, str]]:
    rows = SensorLog.objects.order_by("timestamp").values_list("sensor_id", "event_content")
    return await in_database_thread(lambda: list(rows))


async def raised() -> list[EmergencyLog]:
    return await in_database_thread(lambda: list(EmergencyLog.objects.order_by("log_id")))


# -- what is taken


async def test_a_batch_is_stored_before_it_is_answered(hub: IoTHub, hub_key: str) -> None:
    answer = await post(hub_key, batch(event(9, sensor_id="bed"), event(5, sensor_id="door")))
    assert answer.status_code == 200
    body = answer.json()
    assert (body["accepted"], body["duplicates"], body["rejected"]) == (2, 0, [])
    assert abs(datetime.fromisoformat(body["server_time"]) - datetime.now(UTC)) < timedelta(seconds=5)
    assert await stored() == [("bed", "motion"), ("door", "motion")]


async def test_scoring_is_told_of_the_batch_by_a_row_of_the_same_commit(hub: IoTHub, hub_key: str) -> None:
    await post(hub_key, batch(event(9), event(5)))
    note = await in_database_thread(IngestBatch.objects.get)
    assert (note.hub_id, note.events) == (hub.pk, 2)
    assert note.last_at - note.first_at == pytest.approx(timedelta(seconds=4), abs=timedelta(seconds=1))


async def test_a_resent_batch_is_counted_as_duplicates(hub: IoTHub, hub_key: str) -> None:
    body = batch(event(9), event(5))
    await post(hub_key, body)
    again = (await post(hub_key, body)).json()
    assert (again["accepted"], again["duplicates"]) == (0, 2)
    assert await in_database_thread(IngestBatch.objects.count) == 1


async def test_the_first_content_of_a_key_stays(hub: IoTHub, hub_key: str) -> None:
    first = event(event_content="motion")
    answer = (await post(hub_key, batch(first, {**first, "event_content": "motion 2"}))).json()
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert await stored() == [("bath", "motion")]


async def test_the_same_moment_with_another_value_is_another_event(hub: IoTHub, hub_key: str) -> None:
    on = event()
    assert (await post(hub_key, batch(on, {**on, "sensor_value": False}))).json()["accepted"] == 2


async def test_accepted_duplicate_and_rejected_add_up_to_the_batch(hub: IoTHub, hub_key: str) -> None:
    good = event()
    answer = (await post(hub_key, batch(good, good, {**good, "sensor_value": 1}, None))).json()
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert [(each["index"], each["code"]) for each in answer["rejected"]] == [
        (2, "invalid_value"),
        (3, "unknown_field"),
    ]
    assert all(each["detail"] for each in answer["rejected"])


async def test_bearer_is_taken_like_api_key(hub: IoTHub, hub_key: str) -> None:
    assert (await call("POST", None, batch(event()), authorization=f"Bearer {hub_key}")).status_code == 200


async def test_an_empty_batch_is_a_heartbeat(hub: IoTHub, hub_key: str) -> None:
    answer = await post(hub_key, batch())
    assert (answer.status_code, answer.json()["accepted"]) == (200, 0)
    row = await in_database_thread(IoTHub.objects.get, pk=hub.pk)
    assert row.status == "online"
    assert row.last_seen_at is not None


async def test_gzip_is_taken(hub: IoTHub, hub_key: str) -> None:
    answer = await post(hub_key, gzip.compress(batch(event())), content_encoding="gzip")
    assert answer.json()["accepted"] == 1


async def test_a_thousand_events_are_taken_and_one_more_is_too_large(hub: IoTHub, hub_key: str) -> None:
    events = [event(seconds) for seconds in range(1001)]
    assert (await post(hub_key, batch(*events[:1000]))).json()["accepted"] == 1000
    assert problem(await post(hub_key, batch(*events))) == (413, "too_large")


# -- what is refused


async def test_a_body_announced_too_large_is_refused_unread(hub: IoTHub, hub_key: str) -> None:
    asked: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        asked.append(1)
        yield b"x"

    answer = await post(hub_key, body(), content_length=str(1_048_577))
    assert problem(answer) == (413, "too_large")


async def test_a_body_that_grows_too_large_is_refused_before_its_end(hub: IoTHub, hub_key: str) -> None:
    given = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal given
        while given < 40 * 2**20:
            given += 2**18
            yield b" " * 2**18

    assert problem(await post(hub_key, body())) == (413, "too_large")


async def test_a_gzip_bomb_is_refused(hub: IoTHub, hub_key: str) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    assert problem(await post(hub_key, bomb, content_encoding="gzip")) == (413, "too_large")


async def test_a_body_that_is_no_such_json_is_malformed(hub: IoTHub, hub_key: str) -> None:
    for body in (b"", b"{", b"[]", b'{"events": [], "more": 1}'):
        assert problem(await post(hub_key, body)) == (400, "malformed")


async def test_a_body_in_another_packing_is_malformed(hub: IoTHub, hub_key: str) -> None:
    for body, encoding in ((b"not gzip", "gzip"), (gzip.compress(batch())[:-9], "gzip"), (batch(), "br")):
        assert problem(await post(hub_key, body, content_encoding=encoding)) == (400, "malformed")


async def test_without_a_key_it_is_401(db: None) -> None:
    assert problem(await post(None, batch())) == (401, "not_authenticated")


async def test_with_a_wrong_key_it_is_401(hub: IoTHub, hub_key: str) -> None:
    prefix = hub_key.split(".")[0]
    assert problem(await post(f"{prefix}.{'A' * 43}", batch())) == (401, "invalid_credentials")


async def test_with_the_key_of_a_deregistered_hub_it_is_401(hub: IoTHub, hub_key: str) -> None:
    await in_database_thread(registration.deregister, hub, None)
    assert (await post(hub_key, batch())).status_code == 401


async def test_a_person_is_403(kim: Staff) -> None:
    def log_in() -> dict[str, str]:
        client = Client()
        client.force_login(kim)
        client.get("/api/v1/auth/me")
        return {name: morsel.value for name, morsel in client.cookies.items()}

    cookies = await in_database_thread(log_in)
    line = "; ".join(f"{name}={value}" for name, value in cookies.items())
    answer = await post(None, batch(), cookie=line, x_csrftoken=cookies["csrftoken"])
    assert problem(answer) == (403, "forbidden"), answer.text


async def test_only_post_is_allowed(hub: IoTHub, hub_key: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert problem(await call(method, hub_key, batch())) == (405, "method_not_allowed")


async def test_a_wrong_clock_is_409_and_says_the_servers_time(hub: IoTHub, hub_key: str) -> None:
    answer = await post(hub_key, batch(event(), sent_at=(datetime.now(UTC) - timedelta(seconds=70)).isoformat()))
    assert problem(answer) == (409, "clock_skew")
    assert abs(datetime.fromisoformat(answer.json()["server_time"]) - datetime.now(UTC)) < timedelta(seconds=5)
    assert await stored() == []


# -- stores away


async def test_the_emergency_is_committed_before_the_events_and_a_resend_is_harmless(hub: IoTHub, hub_key: str) -> None:
    body = batch(event(9), event(event_content="sos"))
    async with losing_the_connection():
        answer = await post(hub_key, body)
    assert problem(answer) == (503, "store_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert (len(await raised()), await stored()) == (1, [])
    assert (await post(hub_key, body)).json()["accepted"] == 2
    (emergency,) = await raised()
    assert emergency.repeats == 0


async def test_no_event_is_stored_when_its_emergency_cannot_be(
    hub: IoTHub, hub_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr("monitoring.panic.raise_emergency", fail)
    assert problem(await post(hub_key, batch(event(event_content="sos")))) == (503, "store_unavailable")
    assert await stored() == []


async def test_history_of_a_senior_is_that_of_all_their_hubs(hub: IoTHub, hub_key: str) -> None:
    await post(hub_key, batch(event()))

    def swap() -> str:
        registration.deregister(hub, None)
        return registration.register_hub(hub.senior, "SECOND", None)[1].key

    await post(await in_database_thread(swap), batch(event(2)))

    def count() -> int:
        return len(sensor_events.recent(sensor_events.hubs_of(hub.senior_id), datetime.now(UTC) - timedelta(hours=1)))

    assert await in_database_thread(count) == 2
