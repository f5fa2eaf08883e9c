"""A process that posts batches of 1,000 events, first as fast as they are answered, then three times as fast.

    python -m tests.chaos.overload --url URL --seconds 60 < hubs.json

Prints `{"capacity": batches a second, "offered": likewise, "statuses": {...}, "accepted": {batch: events}}`. A batch is
a sensor of its own, so that the table tells what became of it. What is refused is not sent again.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx

EVENTS = 1000
MEASURE_S = 10.0
IN_FLIGHT = 8
MOST_IN_FLIGHT = 600
TIMES = 3.0


class Load:
    def __init__(self, url: str, hubs: list[dict[str, Any]]) -> None:
        limits = httpx.Limits(max_connections=MOST_IN_FLIGHT, max_keepalive_connections=MOST_IN_FLIGHT)
        self._http = httpx.AsyncClient(base_url=url, timeout=60, limits=limits)
        self._hubs, self._numbers = itertools.cycle(hubs), itertools.count(1)
        self._template = make_template()
        self.statuses: Counter[str] = Counter()
        self.accepted: dict[str, int] = {}

    async def post(self) -> None:
        hub, name = next(self._hubs), f"batch-{next(self._numbers)}"
        body = self._template.replace(b"NAME", name.encode())
        headers = {"Authorization": f"Api-Key {hub['api_key']}", "Content-Type": "application/json"}
        try:
            answer = await self._http.post("/api/v1/hub/events", content=body, headers=headers)
        except httpx.TransportError as error:
            self.statuses[type(error).__name__] += 1
            return
        self.statuses[str(answer.status_code)] += 1
        if answer.status_code == 200:
            self.accepted[name] = answer.json()["accepted"]

    async def measure(self, seconds: float) -> float:
        """Batches a second, with a few in flight."""
        until = time.monotonic() + seconds

        async def post_on() -> None:
            while time.monotonic() < until:
                await self.post()

        await asyncio.gather(*(post_on() for _ in range(IN_FLIGHT)))
        return len(self.accepted) / seconds

    async def offer(self, rate: float, seconds: float) -> None:
        """Posts `rate` batches a second whether or not the others were answered."""
        waiting: set[asyncio.Task[None]] = set()
        began = time.monotonic()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            if time.monotonic() > began + seconds:
                break
            if len(waiting) < MOST_IN_FLIGHT:
                task = asyncio.create_task(self.post())
                waiting.add(task)
                task.add_done_callback(waiting.discard)
            else:
                self.statuses["held back"] += 1
        await asyncio.gather(*waiting)


def make_template() -> bytes:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    event = f'{{"timestamp":"{now}.%06d+00:00","sensor_id":"NAME","event_content":"motion","sensor_value":true}}'
    return ('{"events":[' + ",".join(event % number for number in range(EVENTS)) + "]}").encode()


async def live(url: str, hubs: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    load = Load(url, hubs)
    capacity = await load.measure(MEASURE_S)
    load.statuses.clear()
    await load.offer(TIMES * capacity, seconds)
    offered = load.statuses.total() / seconds
    return {"capacity": capacity, "offered": offered, "statuses": load.statuses, "accepted": load.accepted}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    hubs = json.loads(sys.stdin.read())
    sys.stdout.write(json.dumps(asyncio.run(live(arguments.url, hubs, arguments.seconds))) + "\n")


if __name__ == "__main__":
    main()
