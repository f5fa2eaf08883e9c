"""Many hubs at once: one commit for many of them, an answer for each."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from devices.database_threads import in_database_thread
from monitoring import event_store
from monitoring.copy_rows import PackedRows, pack_rows
from monitoring.event_writer import EventsNotStored, EventWriter
from monitoring.ingest import SensorReading
from monitoring.models import IngestBatch, SensorLog
from tests.monitoring.hub_posts import losing_the_connection, sensor_logs_ending

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "timeseries"])
START = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


@pytest.fixture
def writer() -> EventWriter:
    return EventWriter(event_store.conninfo)


def reading(
    seconds: float = 0, content: str = "motion", sensor_id: str = "침실 활동", value: bool = True
) -> SensorReading:
    return SensorReading(START + timedelta(seconds=seconds), sensor_id, content, value)


def rows(hub_id: int, *seconds: float) -> PackedRows:
    return pack_rows(hub_id, [reading(second) for second in seconds])


async def store_all(writer: EventWriter, *requests: PackedRows) -> list[Any]:
    return await asyncio.gather(*(writer.store(each) for each in requests), return_exceptions=True)


async def stored() -> list[tuple[int, int]]:
    """(hub_id, second) of every event."""
    found = SensorLog.objects.order_by("hub_id", "timestamp").values_list("hub_id", "timestamp")
    return [(hub_id, int((at - START).total_seconds())) for hub_id, at in await in_database_thread(lambda: list(found))]


async def notes() -> list[tuple[int, int]]:
    found = IngestBatch.objects.order_by("hub_id").values_list("hub_id", "events")
    return await in_database_thread(lambda: list(found))


async def commits() -> int:
    return await in_database_thread(lambda: len(set(IngestBatch.objects.values_list("txid", flat=True))))


async def test_an_event_is_kept_as_it_came(writer: EventWriter) -> None:
    came = SensorReading(START + timedelta(microseconds=1), "28:front door reed", "문 열림 \\N", False)
    assert await writer.store(pack_rows(7, [came])) == 1
    row = await in_database_thread(SensorLog.objects.get)
    assert (row.hub_id, row.timestamp, row.sensor_id, row.event_content, row.sensor_value) == (7, *came)


async def test_requests_that_come_together_share_a_commit_and_each_hub_has_its_note(writer: EventWriter) -> None:
    assert await store_all(writer, *(rows(hub_id, 0, 1) for hub_id in range(1, 31))) == [2] * 30
    assert await commits() == 1
    assert await notes() == [(hub_id, 2) for hub_id in range(1, 31)]
    note = await in_database_thread(IngestBatch.objects.first)
    assert note is not None
    assert (note.first_at, note.last_at) == (START, START + timedelta(seconds=1))


async def test_a_resent_request_costs_its_companions_nothing(writer: EventWriter) -> None:
    await writer.store(rows(2, 0, 1, 2))
    answers = await store_all(writer, rows(1, 0, 1), rows(2, 0, 1, 2), rows(3, 5))
    assert answers == [2, 0, 1]
    assert await notes() == [(1, 2), (2, 3), (3, 1)]


async def test_of_the_same_event_in_two_requests_at_once_the_first_is_accepted(writer: EventWriter) -> None:
    first = pack_rows(1, [reading(0, "motion first"), reading(1)])
    second = pack_rows(1, [reading(0, "motion second"), reading(2)])
    assert await store_all(writer, first, second) == [2, 1]
    kept = await in_database_thread(lambda: SensorLog.objects.get(timestamp=START).event_content)
    assert kept == "motion first"


async def test_the_same_event_twice_in_a_request_is_accepted_once(writer: EventWriter) -> None:
    assert await store_all(writer, rows(1, 0, 0, 1), rows(2, 0)) == [2, 1]


async def test_a_caller_that_goes_away_takes_no_events_with_it(writer: EventWriter) -> None:
    going = asyncio.create_task(writer.store(rows(1, 0)))
    staying = asyncio.create_task(writer.store(rows(2, 0)))
    await asyncio.sleep(0)
    going.cancel()
    assert await staying == 1
    assert await stored() == [(1, 0), (2, 0)]


async def test_rows_that_the_server_refuses_cost_the_others_nothing(writer: EventWriter) -> None:
    async with sensor_logs_ending("IF NEW.hub_id = 2 THEN RAISE EXCEPTION 'no'; END IF"):
        answers = await store_all(writer, *(rows(hub_id, 0) for hub_id in (1, 2, 3)))
    assert [type(answer) for answer in answers] == [int, EventsNotStored, int]
    assert await stored() == [(1, 0), (3, 0)]
    assert await writer.store(rows(2, 0)) == 1


async def test_a_lost_connection_is_told_to_everybody_and_the_next_request_finds_another(writer: EventWriter) -> None:
    async with losing_the_connection():
        answers = await store_all(writer, rows(1, 0), rows(2, 0))
    assert [type(answer) for answer in answers] == [EventsNotStored] * 2
    assert await stored() == []
    assert await store_all(writer, rows(1, 0), rows(2, 0)) == [1, 1]


async def test_a_connection_that_ended_while_nothing_was_sent_costs_no_request(writer: EventWriter) -> None:
    await writer.store(rows(1, 0))
    assert await in_database_thread(end_other_connections) > 0
    await asyncio.sleep(0.2)
    assert await writer.store(rows(1, 1)) == 1


def end_other_connections() -> int:
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


async def test_nobody_waits_for_ever_for_a_server_that_is_not_there() -> None:
    writer = EventWriter(lambda: "host=127.0.0.1 port=1 connect_timeout=2")
    assert [type(answer) for answer in await store_all(writer, rows(1, 0))] == [EventsNotStored]
    assert writer.waiting_events == 0


async def test_every_event_is_stored_once_however_requests_overlap(writer: EventWriter) -> None:
    requests = [rows(1 + index % 7, *range(index % 11, index % 11 + 20)) for index in range(200)]
    answers = await store_all(writer, *requests)
    kept = await stored()
    assert sum(answers) == len(kept) == len(set(kept))
    assert set(kept) == {
        (1 + index % 7, second) for index in range(200) for second in range(index % 11, index % 11 + 20)
    }
    assert sum(events for _, events in await notes()) == len(kept)
