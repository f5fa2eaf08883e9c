"""A wrong clock costs the reference hub no event, and no event its right time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from examples.hub import Buffer, Clock, Event, Hub
from tests.examples.conftest import reach

if TYPE_CHECKING:
    from pathlib import Path

    from tests.examples.backend_double import BackendDouble
    from tests.examples.conftest import RunHub

YEAR_S = 365 * 86_400.0


@pytest.mark.parametrize("wrong_by", [-YEAR_S, -3_600.0, 7_200.0])
async def test_events_of_a_wrong_clock_arrive_with_corrected_times(
    backend: BackendDouble, run_hub: RunHub, wrong_by: float
) -> None:
    clock = Clock(wall=lambda: time.time() + wrong_by)
    async with run_hub(clock=clock) as hub:
        hub.record("bedroom_motion", "motion on", True)
        wrong_now = datetime.fromtimestamp(time.time() + wrong_by, UTC)
        hub.record("bedroom_motion", "motion off", False, wrong_now - timedelta(minutes=30))
        await hub.drained()
    times = {value: at for _, at, value in backend.stored}
    assert times[True] == pytest.approx(time.time(), abs=10)
    assert times[False] == pytest.approx(time.time() - 1_800, abs=10)
    assert hub.counts.accepted == 2


async def test_a_panic_press_under_a_wrong_clock_is_sent_again_with_the_right_time(
    backend: BackendDouble, run_hub: RunHub
) -> None:
    async with run_hub(clock=Clock(wall=lambda: time.time() - 3_600)) as hub:
        hub.record("sos_button", "sos", True)
        await hub.drained()
    assert len(backend.batches) == 2
    assert [at for _, at, _ in backend.stored] == [pytest.approx(time.time(), abs=10)]


async def test_events_that_the_backend_agreed_with_are_shifted_no_second_time(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "hub.db")
    buffer.add([(1_000_000, Event("a", "motion", True))])
    buffer.agree_clock(buffer.last_key(), shift_us=5_000_000)
    buffer.close()
    again = Buffer(tmp_path / "hub.db")  # as after a crash before the corrected events were sent
    again.add([(2_000_000, Event("b", "motion", True))])
    again.agree_clock(again.last_key(), shift_us=60_000_000)
    times = {event["sensor_id"]: datetime.fromisoformat(event["timestamp"]) for _, event in again.newest(False, 10)}
    again.close()
    assert times == {"a": datetime.fromtimestamp(6, UTC), "b": datetime.fromtimestamp(62, UTC)}


def test_setting_the_system_clock_leaves_no_jump_in_the_times_of_events() -> None:
    wall, steady = [1_000.0], [50.0]
    clock = Clock(wall=lambda: wall[0], steady=lambda: steady[0])
    clock.offset = 3_600.0  # the backend has corrected it
    wall[0], steady[0] = 1_010.0 + 3_600.0, 60.0  # and then NTP sets the system clock
    assert clock.now() == pytest.approx(1_010 + 3_600)


def test_a_slow_drift_of_the_system_clock_is_followed() -> None:
    wall, steady = [1_000.0], [50.0]
    clock = Clock(wall=lambda: wall[0], steady=lambda: steady[0])
    for _ in range(20):
        wall[0] += 10.5
        steady[0] += 10
        assert clock.now() == wall[0]


async def test_a_backend_that_keeps_refusing_the_clock_is_not_flooded(backend: BackendDouble, tmp_path: Path) -> None:
    backend.refusals.extend([(409, {}, {"code": "clock_skew", "server_time": "no time"})] * 50)
    hub = Hub(backend.url, backend.key, tmp_path / "hub.db")
    hub.record("bedroom_motion", "motion on", True)
    running = asyncio.create_task(hub.run())
    await reach(lambda: backend.batches)
    await asyncio.sleep(2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(backend.batches) <= 5
    assert hub.pending == 1
