"""Many hubs in one light process: sockets with heartbeats each 10 s, and a small batch of events now and then.

    python -m benchmarks.socket_hubs PORT SECONDS EVENTS_EACH_S FILE

FILE holds msgpack [key, ...]; figures are JSON on standard output. It speaks just enough of RFC 6455 to cost less than
the server it drives: one protocol object a hub, no task.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import uvloop

HEARTBEAT_S = 10.0
CONNECTS_A_S = 150
CONNECTING_AT_ONCE = 50
MASK = bytes(4)  # a mask of zeros is one too
TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A


def frame(kind: int, payload: bytes) -> bytes:
    size = len(payload)
    head = bytes([kind, 0x80 | size]) if size < 126 else bytes([kind, 0x80 | 126]) + struct.pack(">H", size)
    return head + MASK + payload


class Figures:
    def __init__(self) -> None:
        self.latencies_ms: list[float] = []
        self.drops: Counter[str] = Counter()
        self.heartbeats = 0
        self.statuses: Counter[str] = Counter()
        self.is_measuring = False
        self.is_over = False


class HubSocket(asyncio.Protocol):
    """One hub. `opened` is set once its first heartbeat is acknowledged."""

    def __init__(self, key: str, figures: Figures) -> None:
        self._key, self._figures = key, figures
        self._received = b""
        self._is_open = False
        self._sent_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        nonce = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /ws/hub/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {nonce}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: hub.v1\r\n"
            f"Authorization: Api-Key {self._key}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._is_open:
            head, mark, rest = self._received.partition(b"\r\n\r\n")
            if not mark:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._drop(head[:12].decode("latin-1"))
                return
            self._is_open, self._received = True, rest
            self._beat()
        while (taken := self._take_frame()) is not None:
            self._hear(*taken)

    def connection_lost(self, error: Exception | None) -> None:
        self._drop(type(error).__name__ if error else "closed")

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._transport.close()

    def _take_frame(self) -> tuple[int, bytes] | None:
        data = self._received
        if len(data) < 2:
            return None
        size, start = data[1] & 0x7F, 2
        if size == 126:
            if len(data) < 4:
                return None
            size, start = struct.unpack(">H", data[2:4])[0], 4
        if len(data) < start + size:
            return None
        self._received = data[start + size :]
        return data[0], data[start : start + size]

    def _hear(self, kind: int, payload: bytes) -> None:
        if kind == PING:
            self._transport.write(frame(PONG, payload))
        elif kind == CLOSE:
            self._drop(f"close {struct.unpack('>H', payload[:2])[0] if len(payload) > 1 else 1005}")
        elif b'"heartbeat.ack"' in payload:
            if self._figures.is_measuring:
                self._figures.latencies_ms.append((time.perf_counter() - self._sent_at) * 1000)
            if not self.opened.done():
                self.opened.set_result(None)

    def _beat(self) -> None:
        self._sent_at = time.perf_counter()
        self._figures.heartbeats += 1
        message = {"type": "heartbeat", "id": "1", "sent_at": now(), "battery": 80, "robot_online": True}
        self._transport.write(frame(TEXT, json.dumps(message).encode()))
        self._timer = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._beat)

    def _drop(self, why: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._figures.is_over:
            self._figures.drops[why] += 1
        if not self.opened.done():
            self.opened.set_result(None)
        self._transport.close()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


async def open_sockets(port: int, keys: list[str], figures: Figures) -> list[HubSocket]:
    room = asyncio.Semaphore(CONNECTING_AT_ONCE)
    loop = asyncio.get_running_loop()

    async def open_one(key: str) -> HubSocket:
        async with room:
            _, socket = await loop.create_connection(lambda: HubSocket(key, figures), "127.0.0.1", port)
            await socket.opened
            return socket

    opening = []
    for key in keys:
        opening.append(asyncio.create_task(open_one(key)))
        await asyncio.sleep(1 / CONNECTS_A_S)
    return list(await asyncio.gather(*opening))


async def post_events(port: int, keys: list[str], each_s: float, figures: Figures) -> None:
    """Every hub posts three events each `each_s` seconds, over a few connections."""
    queue: asyncio.Queue[str] = asyncio.Queue(maxsize=1000)

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            key = await queue.get()
            event: dict[str, Any] = {"event_content": "motion", "sensor_value": True, "timestamp": now()}
            body = json.dumps({"events": [{"sensor_id": f"room_{room}", **event} for room in range(3)]}).encode()
            head = f"POST /api/v1/hub/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {key}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
            figures.statuses[answer[9:12].decode()] += 1

    workers = [asyncio.create_task(work()) for _ in range(16)]
    try:
        while True:
            began = time.perf_counter()
            for number, key in enumerate(keys):
                await queue.put(key)
                ahead = (number + 1) * each_s / len(keys) - (time.perf_counter() - began)
                if ahead > 0.01:
                    await asyncio.sleep(ahead)
    finally:
        for worker in workers:
            worker.cancel()


async def main(port: int, seconds: float, each_s: float, path: Path) -> None:
    keys = msgspec.msgpack.decode(path.read_bytes(), type=list[str])
    figures = Figures()
    began = time.perf_counter()
    sockets = await open_sockets(port, keys, figures)
    opened_in = time.perf_counter() - began
    sys.stdout.write(json.dumps({"opened": len(sockets) - figures.drops.total(), "opened_in_s": opened_in}) + "\n")
    sys.stdout.flush()
    posting = asyncio.create_task(post_events(port, keys, each_s, figures))
    figures.is_measuring = True
    await asyncio.wait({posting}, timeout=seconds)
    figures.is_measuring = False
    if posting.done():
        posting.result()
    posting.cancel()
    latencies = sorted(figures.latencies_ms) or [0.0]
    sys.stdout.write(
        json.dumps(
            {
                "heartbeats": len(figures.latencies_ms),
                "p50_ms": latencies[len(latencies) // 2],
                "p99_ms": latencies[len(latencies) * 99 // 100],
                "most_ms": latencies[-1],
                "drops": dict(figures.drops),
                "posts": dict(figures.statuses),
            }
        )
        + "\n"
    )
    sys.stdout.flush()
    figures.is_over = True
    await asyncio.to_thread(sys.stdin.read)  # the memory of the server is read before its sockets end
    for socket in sockets:
        socket.close()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
