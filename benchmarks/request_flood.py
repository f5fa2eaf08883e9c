"""Sends prepared requests over many connections, one in flight on each, and times every answer.

    python -m benchmarks.request_flood PORT CONNECTIONS FILE

FILE holds msgpack [request, ...]; the answer is JSON on standard output: seconds, latencies in ms, statuses.
It must cost less than the server it drives, so it speaks just enough HTTP/1.1 for that.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import cast

import msgspec
import uvloop


class Connection(asyncio.Protocol):
    def __init__(self, flood: Flood) -> None:
        self._flood = flood
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are alike, and no subclass
        self.send_next()

    def send_next(self) -> None:
        request = next(self._flood.requests, None)
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, mark, body = self._received.partition(b"\r\n\r\n")
        if not mark or len(body) < content_length(head):
            return
        self._flood.latencies_ms.append((time.perf_counter() - self._sent_at) * 1000)
        self._flood.statuses[head[9:12].decode()] += 1
        self._received = b""
        self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        self._flood.one_ended(error)


def content_length(head: bytes) -> int:
    place = head.lower().index(b"content-length:")
    return int(head[place + 15 :].split(b"\r\n", 1)[0])


class Flood:
    def __init__(self, requests: list[bytes], connections: int) -> None:
        self.requests = iter(requests)
        self.latencies_ms: list[float] = []
        self.statuses: Counter[str] = Counter()
        self._open = connections
        self._over = asyncio.Event()

    def one_ended(self, error: Exception | None) -> None:
        if error is not None:
            self.statuses["lost"] += 1
        self._open -= 1
        if self._open == 0:
            self._over.set()

    async def run(self, port: int) -> float:
        loop = asyncio.get_running_loop()
        began = time.perf_counter()
        for _ in range(self._open):
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", port)
        await self._over.wait()
        return time.perf_counter() - began


async def main(port: int, connections: int, path: Path) -> None:
    flood = Flood(msgspec.msgpack.decode(path.read_bytes(), type=list[bytes]), connections)
    seconds = await flood.run(port)
    latencies = sorted(flood.latencies_ms)
    figures = {
        "seconds": seconds,
        "p50_ms": latencies[len(latencies) // 2],
        "p99_ms": latencies[len(latencies) * 99 // 100],
        "statuses": dict(flood.statuses),
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
