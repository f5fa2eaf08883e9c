"""Hubs that post more than the backend can keep: batches at a steady rate, whatever becomes of the ones before.

    python -m benchmarks.overload_hubs PORT SECONDS BATCHES_A_S FILE

FILE holds msgpack [key, ...]. A rate of 0 asks for what the backend can do: 64 batches are always under way then. Each
line of the answer, JSON on standard output, is (statuses, seconds, [[hub's number, second of its batch], ...] taken).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import uvloop

EVENTS = 100
CONNECTIONS = 1_000  # a batch that finds all of them waiting for an answer is not sent
CAPACITY_IN_FLIGHT = 64
START = datetime(2000, 1, 1, tzinfo=UTC)
PLACE = b"2000-01-01T00:00:00"
TEMPLATE = json.dumps(
    {
        "events": [
            {
                "timestamp": f"{PLACE.decode()}.{number:03}+00:00",
                "sensor_id": f"room_{number % 7}_motion",
                "event_content": "motion",
                "sensor_value": number % 2 == 0,
            }
            for number in range(EVENTS)
        ]
    }
).encode()


class Hubs:
    def __init__(self, port: int, keys: list[str]) -> None:
        self._port, self._keys = port, keys
        self._base = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)
        self._sent = 0
        self.statuses: Counter[str] = Counter()
        self.taken: list[tuple[int, int]] = []
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def connect(self, connections: int) -> None:
        for _ in range(connections):
            self._free.put_nowait(await asyncio.open_connection("127.0.0.1", self._port))

    async def keep_busy(self, seconds: float) -> None:
        end = time.perf_counter() + seconds

        async def work() -> None:
            connection = self._free.get_nowait()
            while time.perf_counter() < end:
                await self._post(*connection)

        await asyncio.gather(*(work() for _ in range(CAPACITY_IN_FLIGHT)))

    async def post_steadily(self, seconds: float, rate: float) -> None:
        began, due, errands = time.perf_counter(), 0, set[asyncio.Task[None]]()
        while (elapsed := time.perf_counter() - began) < seconds:
            while due < elapsed * rate:
                due += 1
                if self._free.empty():
                    self.statuses["not sent, no connection free"] += 1
                    continue
                task = asyncio.create_task(self._post_once(*self._free.get_nowait()))
                errands.add(task)
                task.add_done_callback(errands.discard)
            await asyncio.sleep(0.005)
        await asyncio.gather(*errands)

    async def _post_once(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._post(reader, writer)
        self._free.put_nowait((reader, writer))

    async def _post(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self._sent
        self._sent += 1
        hub, second = number % len(self._keys), number // len(self._keys)
        moment = (self._base + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S").encode()
        body = TEMPLATE.replace(PLACE, moment)
        head = f"POST /api/v1/hub/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {self._keys[hub]}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        told = await reader.readexactly(length)
        status = answer[9:12].decode()
        self.statuses[status] += 1
        if status == "200":
            if json.loads(told)["accepted"] != EVENTS:
                self.statuses["200 with less than all accepted"] += 1
            self.taken.append((hub, int((self._base + timedelta(seconds=second)).timestamp())))


async def main(port: int, seconds: float, rate: float, path: Path) -> None:
    hubs = Hubs(port, msgspec.msgpack.decode(path.read_bytes(), type=list[str]))
    await hubs.connect(CONNECTIONS if rate else CAPACITY_IN_FLIGHT)
    began = time.perf_counter()
    await (hubs.post_steadily(seconds, rate) if rate else hubs.keep_busy(seconds))
    sys.stdout.write(json.dumps([dict(hubs.statuses), time.perf_counter() - began, hubs.taken]))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
