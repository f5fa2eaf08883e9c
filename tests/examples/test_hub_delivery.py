"""The reference hub delivers every event once it is recorded, whatever the backend does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from examples.hub import Event, Hub, HubRefused
from tests.examples.conftest import reach

if TYPE_CHECKING:
    from pathlib import Path

    from tests.examples.backend_double import BackendDouble
    from tests.examples.conftest import RunHub

BEGIN = datetime.now(UTC) - timedelta(hours=20)


def motions(count: int) -> list[Event]:
    return [Event("침실 활동", "motion on", True, BEGIN + timedelta(seconds=20 * number)) for number in range(count)]


async def test_recorded_events_arrive_with_their_timestamps(backend: BackendDouble, run_hub: RunHub) -> None:
    async with run_hub() as hub:
        hub.record_many(motions(3))
        await hub.drained()
    assert sorted(backend.stored) == [
        ("침실 활동", event.timestamp.timestamp(), True) for event in motions(3) if event.timestamp
    ]
    assert (hub.counts.accepted, hub.counts.duplicates, hub.counts.rejected) == (3, 0, 0)


async def test_a_long_backlog_is_cut_into_batches_of_at_most_a_thousand(
    backend: BackendDouble, run_hub: RunHub
) -> None:
    async with run_hub() as hub:
        hub.record_many(motions(2_500))
        await hub.drained()
    assert len(backend.stored) == 2_500
    assert max(map(len, backend.batches)) <= 1_000


async def test_the_batch_size_that_the_backend_asks_for_is_kept(backend: BackendDouble, run_hub: RunHub) -> None:
    backend.config["batch_max_events"] = 10
    async with run_hub() as hub:
        await reach(lambda: backend.connects)
        hub.record_many(motions(35))
        await hub.drained()
    assert max(map(len, backend.batches)) <= 10


async def test_batches_of_long_texts_stay_below_the_size_limit(backend: BackendDouble, run_hub: RunHub) -> None:
    async with run_hub() as hub:
        hub.record_many([event._replace(event_content="motion " + "가" * 193) for event in motions(1_000)])
        await hub.drained()
    assert len(backend.stored) == 1_000
    assert len(backend.batches) > 1


async def test_an_answer_that_was_lost_makes_duplicates_and_loses_nothing(
    backend: BackendDouble, run_hub: RunHub
) -> None:
    backend.forgets = 1
    async with run_hub() as hub:
        hub.record_many(motions(20))
        await hub.drained()
    assert len(backend.stored) == 20
    assert hub.counts.duplicates == 20


async def test_rejected_events_are_counted_and_never_sent_again(backend: BackendDouble, run_hub: RunHub) -> None:
    async with run_hub() as hub:
        hub.record("front_door", "door open", True, datetime.now(UTC) + timedelta(hours=1))
        hub.record("front_door", "door close", False)
        await hub.drained()
        await asyncio.sleep(0.3)
    assert (hub.counts.accepted, hub.counts.rejected) == (1, 1)
    assert sum(map(len, backend.batches)) == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_a_retry_after_is_waited_for(backend: BackendDouble, run_hub: RunHub, status: int) -> None:
    backend.refusals.append((status, {"Retry-After": "1"}, {"code": "throttled"}))
    async with run_hub() as hub:
        hub.record_many(motions(1))
        await reach(lambda: backend.batches)
        await asyncio.sleep(0.9)
        assert len(backend.batches) == 1
        await hub.drained()
    assert len(backend.stored) == 1


async def test_a_200_that_is_not_from_the_backend_deletes_nothing(backend: BackendDouble, run_hub: RunHub) -> None:
    backend.refusals.append((200, {}, {"login": "to this network"}))
    async with run_hub() as hub:
        hub.record_many(motions(5))
        await hub.drained()
    assert len(backend.stored) == 5


async def test_a_batch_that_the_backend_cannot_read_costs_only_the_bad_event(
    backend: BackendDouble, run_hub: RunHub
) -> None:
    malformed: tuple[int, dict[str, str], dict[str, str]] = (400, {}, {"code": "malformed"})
    backend.refusals.extend([malformed, malformed, malformed])  # of 8, of 4, of 2
    backend.refusals.append(malformed)  # of 1: that one is given up
    async with run_hub() as hub:
        hub.record_many(motions(8))
        await hub.drained()
    assert (hub.counts.accepted, hub.counts.rejected) == (7, 1)


async def test_a_panic_press_overtakes_the_backlog_in_a_request_of_its_own(
    backend: BackendDouble, run_hub: RunHub
) -> None:
    backend.refusals.extend([(503, {"Retry-After": "60"}, {})])
    async with run_hub() as hub:
        hub.record_many(motions(3_000))
        await reach(lambda: backend.batches)
        hub.record("sos_button", "sos", True)
        await reach(lambda: backend.stored, within=1)
        assert [event["event_content"] for event in backend.batches[-1]] == ["sos"]
        assert hub.pending == 3_000


async def test_what_happens_now_does_not_wait_behind_the_backlog(backend: BackendDouble, run_hub: RunHub) -> None:
    async with run_hub() as hub:
        hub.record_many(motions(2_500))
        hub.record("kitchen_motion", "motion on", True)
        await hub.drained()
    assert backend.batches[0][0]["sensor_id"] == "kitchen_motion"


async def test_events_wait_on_disk_for_a_backend_that_is_away(tmp_path: Path, backend: BackendDouble) -> None:
    away = Hub("http://127.0.0.1:1", backend.key, tmp_path / "hub.db")
    away.record_many(motions(4))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(away.run(), 0.5)
    back = Hub(backend.url, backend.key, tmp_path / "hub.db")
    running = asyncio.create_task(back.run())
    await back.drained()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(backend.stored) == 4


async def test_a_dead_key_stops_the_hub_and_keeps_its_events(tmp_path: Path, backend: BackendDouble) -> None:
    hub = Hub(backend.url, "hub1.other", tmp_path / "hub.db")
    hub.record_many(motions(4))
    with pytest.raises(HubRefused, match="401"):
        await asyncio.wait_for(hub.run(), 5)
    assert hub.pending == 4


async def test_a_timestamp_without_offset_is_refused(run_hub: RunHub) -> None:
    async with run_hub() as hub:
        with pytest.raises(ValueError, match="offset"):
            hub.record("front_door", "door open", True, datetime(2026, 11, 22, 8, 30))
