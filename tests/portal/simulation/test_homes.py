"""Simulated homes deliver their past as fast as asked, then live in real time, with incidents on demand."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from portal.simulation import homes as homes_module
from portal.simulation.home_plan import HomePlan, parse_incident
from portal.simulation.homes import Home, drive_homes
from portal.simulation.recordings import SEOUL, SensorEvent, write_recording
from portal.simulation.resident import days
from tests.examples.conftest import reach

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from tests.examples.backend_double import BackendDouble

SEED = 3
FAST = 2_000_000.0


@contextlib.asynccontextmanager
async def living(
    backend: BackendDouble, folder: Path, *, incidents: tuple[str, ...] = (), lasts: float = 2, **plan: Any
) -> AsyncIterator[Home]:
    whole = HomePlan(**{"key": backend.key, "name": "home", "seed": SEED, **plan})
    whole = HomePlan(**{**vars(whole), "incidents": tuple(parse_incident(text) for text in incidents)})
    home = Home(whole, backend.url, folder / "hub.db", days=lasts, speed=FAST)
    running = asyncio.create_task(home.run())
    try:
        async with asyncio.timeout(20):
            yield home
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def life_of(start: datetime, end: datetime) -> list[SensorEvent]:
    return [event for event in days(SEED, start.date(), 5) if start <= event.timestamp <= end]


async def test_the_past_of_a_resident_is_delivered_whole(backend: BackendDouble, tmp_path: Path) -> None:
    begin = datetime.now(SEOUL)
    async with living(backend, tmp_path) as home:
        assert home.progress < 1
        await home.past_delivered.wait()
        assert home.progress == 1
        expected = {event.timestamp.timestamp() for event in life_of(begin - timedelta(days=2), begin)}
        assert len(expected) > 300
        missing = expected - {at for _, at, _ in backend.stored}
        assert len([at for at in missing if at > begin.timestamp() - 2 * 86_400 + 5]) == 0
        assert home.tally.accepted == home.tally.delivered == len(backend.stored)


async def test_a_silent_home_sends_nothing_of_its_last_hours_while_its_hub_lives(
    backend: BackendDouble, tmp_path: Path
) -> None:
    begin = datetime.now(SEOUL)
    async with living(backend, tmp_path, silent_for=20.5) as home:
        await home.past_delivered.wait()
        silent_from = (begin - timedelta(hours=20.5)).timestamp()
        assert max(at for _, at, _ in backend.stored) <= silent_from + 5
        assert home.tally.silenced == len(life_of(begin - timedelta(hours=20.5), begin))
        beats = len(backend.said("heartbeat"))
        await reach(lambda: len(backend.said("heartbeat")) > beats)


async def test_a_fall_sensor_fires_when_asked_to(backend: BackendDouble, tmp_path: Path) -> None:
    begin = datetime.now(SEOUL).timestamp()
    async with living(backend, tmp_path, incidents=("fall@+1.5s",)):
        await reach(lambda: "fall" in backend.stored.values())
    ((sensor, at, value),) = [key for key, content in backend.stored.items() if content == "fall"]
    assert (sensor, value) == ("fall_sensor", True)
    assert 1.4 <= at - begin <= 4


async def test_a_hub_that_drops_off_stays_away(backend: BackendDouble, tmp_path: Path) -> None:
    async with living(backend, tmp_path, incidents=("hub_off@+1.5s", "sos@+2s")) as home:
        await home.past_delivered.wait()
        await reach(lambda: backend.said("heartbeat"))
        await asyncio.sleep(1.6)
        beats = len(backend.said("heartbeat"))
        await asyncio.sleep(1)
        assert len(backend.said("heartbeat")) == beats
    assert "sos" not in backend.stored.values()


async def test_the_robot_answers_a_safety_check_as_told(
    backend: BackendDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(homes_module, "ROBOT_DELAY_S", 0.1)
    async with living(backend, tmp_path, robot_answer="no_answer"):
        await reach(lambda: backend.connects)
        await backend.say({"type": "safety_check.request", "check_id": 1, "prompt": "?", "expires_at": "x"})
        await reach(lambda: backend.said("safety_check.answer"))
    assert backend.said("safety_check.answer")[0]["answer"] == "no_answer"


async def test_a_recording_plays_on_from_now_as_it_comes_due(backend: BackendDouble, tmp_path: Path) -> None:
    begin = datetime.now(SEOUL)
    times = [begin - timedelta(weeks=4, seconds=-second) for second in (-7_200, 1, 2, 3, 600)]
    with (tmp_path / "home.csv").open("w", newline="") as out:
        write_recording((SensorEvent(at, "Kitchen", "motion on", True) for at in times), out)
    async with living(backend, tmp_path, csv=tmp_path / "home.csv") as home:
        assert home.tally.cut == 4
        await home.past_delivered.wait()
        assert len(backend.stored) == 1
        await reach(lambda: len(backend.stored) == 4)
        assert datetime.now(SEOUL) - begin > timedelta(seconds=3)
        await asyncio.sleep(0.5)
        assert len(backend.stored) == 4


async def test_homes_are_driven_until_the_stop_and_a_refused_key_stops_only_its_own(
    backend: BackendDouble, tmp_path: Path
) -> None:
    plans = [HomePlan(backend.key, "good", SEED), HomePlan("hub1.wrong", "bad", SEED)]
    homes = [Home(plan, backend.url, tmp_path / plan.name, days=1, speed=FAST) for plan in plans]
    stop, said = asyncio.Event(), list[str]()

    def stop_soon() -> None:
        said.append("past delivered")
        stop.set()

    async with asyncio.timeout(20):
        await drive_homes(homes, stop, on_progress=lambda: said.append("progress"), on_past_delivered=stop_soon)
    assert said[-1] == "past delivered"
    assert homes[0].refusal is None
    assert homes[1].refusal is not None
    assert homes[0].tally.delivered > 100
    assert homes[1].tally.delivered == 0


async def test_homes_whose_keys_are_all_refused_end_by_themselves(backend: BackendDouble, tmp_path: Path) -> None:
    home = Home(HomePlan("hub1.wrong", "bad", SEED), backend.url, tmp_path / "hub.db", days=1, speed=FAST)
    async with asyncio.timeout(20):
        await drive_homes([home], asyncio.Event(), on_progress=lambda: None, on_past_delivered=lambda: None)
    assert home.refusal
