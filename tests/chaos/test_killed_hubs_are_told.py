"""A hub that dies without a word is `offline` on the desk within 35 s."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.chaos.hub_processes import LivingHubs

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from tests.chaos.backend import Backend

pytestmark = [pytest.mark.flow, pytest.mark.long]
HUBS = 20
KILLED_OVER_S = 20.0
TOLD_WITHIN_S = 35.0


def test_the_desk_says_offline_within_35_s_of_a_hubs_death(watched: Backend) -> None:
    chance = random.Random(HUBS)
    killed: dict[int, float] = {}
    told: dict[int, float] = {}
    with LivingHubs(watched, HUBS + 1) as living:
        living.settle()
        with watched.staff.socket() as desk:
            began = time.monotonic()
            plan = sorted((began + chance.uniform(0, KILLED_OVER_S), hub) for hub in living.hubs)
            while len(told) < HUBS and time.monotonic() < began + KILLED_OVER_S + 90:
                if plan and time.monotonic() >= plan[0][0]:
                    _, hub_id = plan.pop(0)
                    killed[hub_id] = time.monotonic()
                    living.hubs[hub_id].kill()
                if (hub := next_offline(desk)) in living.hubs:
                    told.setdefault(hub, time.monotonic())
    assert told.keys() == killed.keys()
    took = sorted(told[hub_id] - at for hub_id, at in killed.items())
    median, longest = took[HUBS // 2], took[-1]
    print(f"\n{HUBS} hubs killed: offline on the desk after {took[0]:.1f} to {longest:.1f} s, median {median:.1f} s")
    assert min(took) > 0, "called offline while it lived"
    assert longest <= TOLD_WITHIN_S


def next_offline(desk: ClientConnection) -> int:
    """The hub that the desk has just been told is offline; 0 when it was told nothing or something else."""
    try:
        message = json.loads(desk.recv(timeout=0.05))
    except TimeoutError:
        return 0
    is_offline = message["type"] == "hub.changed" and message["status"] == "offline"
    return int(message["hub_id"]) if is_offline else 0
