"""The backend's own restarts and outages are never told as a fault of a hub that lives."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.chaos.hub_processes import LivingHubs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.backend import Backend

pytestmark = [pytest.mark.flow, pytest.mark.long]
HUBS = 20
# the reference hub's pauses have grown to their longest, 60 s, by then
LONG_OUTAGE_S = 150.0


@pytest.fixture(scope="module")
def living(watched: Backend) -> Iterator[LivingHubs]:
    with LivingHubs(watched, HUBS) as hubs:
        yield hubs


def assert_no_hub_is_blamed(living: LivingHubs, what: str) -> None:
    back = living.wait_heard()
    time.sleep(5)  # a sweep more
    print(f"\n{what}: {HUBS} hubs heard after {back:.1f} s, called offline: {living.false_faults()}")
    assert living.false_faults() == 0


def test_a_killed_watchdog_blames_no_hub(watched: Backend, living: LivingHubs) -> None:
    watched.kill("watchdog")
    watched.start()
    assert_no_hub_is_blamed(living, "watchdog killed")


def test_a_killed_web_process_blames_no_hub(watched: Backend, living: LivingHubs) -> None:
    watched.kill("web")
    watched.start()
    assert_no_hub_is_blamed(living, "web killed")


def test_both_killed_at_once_blame_no_hub(watched: Backend, living: LivingHubs) -> None:
    watched.kill("web", "watchdog")
    watched.start()
    assert_no_hub_is_blamed(living, "web and watchdog killed")


def test_a_restart_of_everything_blames_no_hub(watched: Backend, living: LivingHubs) -> None:
    watched.stop()
    watched.start()
    assert_no_hub_is_blamed(living, "stopped and started again")


def test_a_long_outage_blames_no_hub(watched: Backend, living: LivingHubs) -> None:
    watched.stop()
    time.sleep(LONG_OUTAGE_S)
    watched.start()
    assert_no_hub_is_blamed(living, f"stopped for {LONG_OUTAGE_S:.0f} s")
