"""A process of reference hubs, each event of which is in a journal before the hub is given it.

    python -m tests.chaos.journaling_hubs --url URL --folder DIR --rate 20 --seconds 600

The first line of standard input is the hubs, `[{"hub_id": 1, "api_key": "..."}, ...]`. It records until standard input
ends or `--seconds` are over, then waits until every event is answered for and prints what the backend answered.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from examples.hub import EPOCH, Event, Hub
from tests.chaos.journal import Entry, Journal

EACH_S = 1.0
DRAINED_WITHIN_S = 180
PRESS_CHANCE = 0.01  # of a batch
REPEAT_CHANCE = 0.05
SENSORS = ("living_motion", "bedroom_motion", "front_door", "bed")


class Home:
    """Invents the events of one hub; no two have the same time."""

    def __init__(self, hub: Hub, hub_id: int, chance: random.Random) -> None:
        self.hub, self._hub_id, self._chance = hub, hub_id, chance
        self._at = 0
        self.repeats = 0

    def invent(self, count: int) -> list[Entry]:
        entries = [self._invent_one() for _ in range(count)]
        if self._chance.random() < PRESS_CHANCE:
            entries.append(Entry(self._hub_id, self._next(), "button", "sos", True))
        if self._chance.random() < REPEAT_CHANCE:
            entries.append(entries[0])
            self.repeats += 1
        return entries

    def _invent_one(self) -> Entry:
        sensor, value = self._chance.choice(SENSORS), self._chance.random() < 0.5
        return Entry(self._hub_id, self._next(), sensor, "motion on" if value else "motion off", value)

    def _next(self) -> int:
        self._at = max(self._at + 1, time.time_ns() // 1000)
        return self._at


async def record(homes: list[Home], journal: Journal, rate: float, until: asyncio.Event) -> int:
    """Gives each hub `rate` events a second until told to stop; returns how many in all."""
    given, turn = 0, EACH_S / len(homes)
    for home in itertools.cycle(homes):
        if until.is_set():
            return given
        entries = home.invent(max(1, round(rate * EACH_S)))
        journal.write(entries)
        home.hub.record_many([as_event(entry) for entry in entries])
        given += len(entries)
        with suppress(TimeoutError):
            await asyncio.wait_for(until.wait(), turn)
    raise AssertionError("there is no hub")


def as_event(entry: Entry) -> Event:
    at = EPOCH + timedelta(microseconds=entry.at)
    return Event(entry.sensor_id, entry.event_content, entry.sensor_value, at)


async def live(arguments: argparse.Namespace, hubs: list[dict[str, Any]]) -> dict[str, int]:
    chance = random.Random(arguments.seed)
    homes = [
        Home(Hub(arguments.url, row["api_key"], arguments.folder / f"hub-{row['hub_id']}.db"), row["hub_id"], chance)
        for row in hubs
    ]
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), stop.set)
    loop.call_later(arguments.seconds, stop.set)
    journal = Journal(arguments.folder / "journal")
    running = [asyncio.create_task(home.hub.run()) for home in homes]
    try:
        given = await record(homes, journal, arguments.rate, stop)
        async with asyncio.timeout(DRAINED_WITHIN_S):
            await asyncio.gather(*(home.hub.drained() for home in homes))
    finally:
        journal.close()
        for task in running:
            task.cancel()
        ended = await asyncio.gather(*running, return_exceptions=True)
    if refusals := [error for error in ended if isinstance(error, Exception)]:
        raise refusals[0]
    counts = [home.hub.counts for home in homes]
    return {
        "given": given,
        "repeats": sum(home.repeats for home in homes),
        "accepted": sum(count.accepted for count in counts),
        "duplicates": sum(count.duplicates for count in counts),
        "rejected": sum(count.rejected for count in counts),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=20.0, help="events a second and hub")
    parser.add_argument("--seconds", type=float, default=600.0, help="record no longer than this")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    hubs = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(asyncio.run(live(arguments, hubs))) + "\n")


if __name__ == "__main__":
    main()
