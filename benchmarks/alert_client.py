"""Presses `sos` at a steady rate and times each until it is on the open staff sockets.

    python -m benchmarks.alert_client < JSON

Standard input: {"port", "keys": [...], "cookie", "count", "rate", "sockets", "takes"}; one key a press. The answer is
JSON on standard output: `shown_ms` of every press and socket, `answered_ms` of every POST, `lost`, `again` (resent).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

SHOWN_WITHIN_S = 20.0


class Press:
    def __init__(self, sockets: int) -> None:
        self.sent_at = time.perf_counter()
        self.answered_ms = 0.0
        self.shown_ms: list[float] = []
        self.missing = sockets


class Presses:
    """By the moment of the press, which the emergency tells again as `occurred_at`."""

    def __init__(self, sockets: int, *, takes: bool) -> None:
        self._sockets, self._takes = sockets, takes
        self._by_moment: dict[datetime, Press] = {}
        self.all: list[Press] = []
        self.again = 0

    def begin(self, moment: datetime) -> Press:
        press = self._by_moment[moment] = Press(self._sockets)
        self.all.append(press)
        return press

    async def watch(self, socket: ClientConnection, *, is_first: bool) -> None:
        try:
            async for text in socket:
                at = time.perf_counter()
                message = json.loads(text)
                if message["type"] == "emergency.raised":
                    self._note(at, message["emergency"])
                    if is_first and self._takes:
                        await self._take(socket, message)
        except ConnectionClosed:
            return

    def _note(self, at: float, emergency: dict[str, Any]) -> None:
        moment = datetime.fromisoformat(emergency.get("occurred_at") or emergency["timestamp"])
        press = self._by_moment.get(moment)
        if press is not None and press.missing == 0:
            self.again += 1
        elif press is not None:
            press.shown_ms.append((at - press.sent_at) * 1000)
            press.missing -= 1

    async def _take(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        """As a page and its person do."""
        await socket.send(json.dumps({"type": "delivery.received", "delivery_id": message["delivery_id"]}))
        log_id = message["emergency"]["log_id"]
        await socket.send(json.dumps({"type": "emergency.acknowledge", "log_id": log_id}))


async def press_button(port: int, key: str, presses: Presses) -> int:
    """The status of the POST."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    moment = datetime.now(UTC)
    event = {"timestamp": moment.isoformat(), "sensor_id": "button", "event_content": "sos", "sensor_value": True}
    body = json.dumps({"events": [event]}).encode()
    head = (
        f"POST /api/v1/hub/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    press = presses.begin(moment)
    writer.write(head.encode() + body)
    status = int((await reader.readline()).split()[1])
    press.answered_ms = (time.perf_counter() - press.sent_at) * 1000
    await reader.read()
    writer.close()
    return status


async def main(told: dict[str, Any]) -> dict[str, Any]:
    presses = Presses(told["sockets"], takes=told["takes"])
    headers = {"Cookie": told["cookie"]}
    url = f"ws://127.0.0.1:{told['port']}/ws/staff/"
    sockets = [await connect(url, additional_headers=headers, open_timeout=60) for _ in range(told["sockets"])]
    watching = [
        asyncio.create_task(presses.watch(socket, is_first=number == 0)) for number, socket in enumerate(sockets)
    ]
    pressing = []
    began = time.perf_counter()
    for number, key in zip(range(told["count"]), told["keys"], strict=False):
        await asyncio.sleep(max(0.0, began + number / told["rate"] - time.perf_counter()))
        pressing.append(asyncio.create_task(press_button(told["port"], key, presses)))
    statuses = await asyncio.gather(*pressing)
    deadline = time.perf_counter() + SHOWN_WITHIN_S
    while any(press.missing > 0 for press in presses.all) and time.perf_counter() < deadline:
        await asyncio.sleep(0.1)
    for task in watching:
        task.cancel()
    return {
        "statuses": {str(status): statuses.count(status) for status in set(statuses)},
        "lost": sum(press.missing for press in presses.all),
        "again": presses.again,
        "shown_ms": [value for press in presses.all for value in press.shown_ms],
        "answered_ms": [press.answered_ms for press in presses.all],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(uvloop.run(main(json.load(sys.stdin)))))
