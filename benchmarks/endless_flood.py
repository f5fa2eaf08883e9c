"""Hubs that never pause: each sends its next batch as soon as the last is answered, until standard input ends.

    python -m benchmarks.endless_flood PORT EVENTS FILE

FILE holds the hubs' keys as JSON, one connection each. At the end JSON: seconds, batches, statuses.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.request_flood import content_length

SECOND = b"0000-00-00T00:00:00"
SPAN = timedelta(days=20)


def compose_batch(key: str, events: int) -> bytes:
    """A request whose events lie in one second, which stands as SECOND in it."""
    body = json.dumps(
        {
            "events": [
                {
                    "timestamp": f"{SECOND.decode()}.{1000 * number // events:03}+00:00",
                    "sensor_id": f"room_{number % 7}_motion",
                    "event_content": "motion",
                    "sensor_value": number % 2 == 0,
                }
                for number in range(events)
            ]
        }
    ).encode()
    head = (
        f"POST /api/v1/hub/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {key}"
        f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Hub(asyncio.Protocol):
    def __init__(self, request: bytes, statuses: Counter[str]) -> None:
        self._request, self._statuses = request, statuses
        self._moment = datetime.now(UTC) - SPAN
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send_next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, mark, body = self._received.partition(b"\r\n\r\n")
        if not mark or len(body) < content_length(head):
            return
        self._statuses[head[9:12].decode()] += 1
        self._received = b""
        self._send_next()

    def _send_next(self) -> None:
        self._moment += timedelta(seconds=1)
        self._transport.write(self._request.replace(SECOND, self._moment.strftime("%Y-%m-%dT%H:%M:%S").encode()))


async def main(port: int, events: int, keys: list[str]) -> None:
    statuses = Counter[str]()
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for key in keys:
        request = compose_batch(key, events)
        await loop.create_connection(lambda request=request: Hub(request, statuses), "127.0.0.1", port)  # type: ignore[misc]
    began = time.perf_counter()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    figures = {"seconds": time.perf_counter() - began, "batches": statuses.total(), "statuses": dict(statuses)}
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text())))
