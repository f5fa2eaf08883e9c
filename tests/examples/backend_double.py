"""The backend as a hub meets it, at the network edge: real HTTP and WebSocket, able to refuse, forget and delay."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

KEY = "hub1.secret"


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class BackendDouble:
    """Answers as contract.md says; `refusals` are (status, headers, body) for the next batches.

    `skew_s` is how far its clock is ahead of this machine's, `forgets` how many batches it stores and then answers 502.
    """

    def __init__(self) -> None:
        self.stored: dict[tuple[str, float, bool], str] = {}
        self.batches: list[list[dict[str, Any]]] = []
        self.refusals: deque[tuple[int, dict[str, str], dict[str, Any]]] = deque()
        self.skew_s = 0.0
        self.forgets = 0
        self.delay_s = 0.0
        self.key = KEY
        self.config: dict[str, Any] = {"batch_max_events": 1000, "batch_max_delay_s": 0.05, "heartbeat_interval_s": 0.2}
        self.messages: list[dict[str, Any]] = []
        self.connects = 0
        self.acknowledges = True
        self._sends: list[Callable[[dict[str, Any]], Awaitable[None]]] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    async def __aenter__(self) -> BackendDouble:
        config = uvicorn.Config(
            self._serve, lifespan="off", log_level="error", interface="asgi3", ws="websockets-sansio"
        )
        self._server = _Server(config)
        self._running = asyncio.create_task(self._server.serve([self._socket]))
        while not self._server.started:
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        await self._running

    def now(self) -> float:
        return time.time() + self.skew_s

    async def say(self, message: dict[str, Any]) -> None:
        """Sends one message to the connected hub."""
        await self._sends[-1]({"type": "websocket.send", "text": json.dumps({"id": "s1", **message})})

    async def close(self, code: int) -> None:
        await self._sends[-1]({"type": "websocket.close", "code": code})

    def said(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        authorized = dict(scope["headers"]).get(b"authorization") == f"Api-Key {self.key}".encode()
        if scope["type"] == "websocket":
            await self._converse(authorized, scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if dict(scope["headers"]).get(b"content-encoding") == b"gzip":
            body = gzip.decompress(body)
        await asyncio.sleep(self.delay_s)
        status, headers, document = self._answer(authorized, scope["path"], body)
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    def _answer(self, authorized: bool, path: str, body: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
        server_time = datetime.fromtimestamp(self.now(), UTC).isoformat()
        if not authorized:
            return 401, {}, {"code": "not_authenticated"}
        if path == "/api/v1/hub/config":
            return 200, {}, {**self.config, "server_time": server_time}
        assert path == "/api/v1/hub/events"
        batch = json.loads(body)
        self.batches.append(batch["events"])
        if self.refusals:
            return self.refusals.popleft()
        if abs(datetime.fromisoformat(batch["sent_at"]).timestamp() - self.now()) > 60:
            return 409, {}, {"code": "clock_skew", "server_time": server_time}
        answer = self._store(batch["events"])
        if self.forgets:
            self.forgets -= 1
            return 502, {}, {}
        return 200, {}, {**answer, "server_time": server_time}

    def _store(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        accepted, rejected = 0, []
        for index, event in enumerate(events):
            at = datetime.fromisoformat(event["timestamp"]).timestamp()
            if at > self.now() + 300:
                rejected.append({"index": index, "code": "timestamp_in_future", "detail": "over 5 min ahead"})
                continue
            key = (event["sensor_id"], at, event["sensor_value"])
            accepted += key not in self.stored
            self.stored.setdefault(key, event["event_content"])
        duplicates = len(events) - accepted - len(rejected)
        return {"accepted": accepted, "duplicates": duplicates, "rejected": rejected}

    async def _converse(self, authorized: bool, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert scope["subprotocols"] == ["hub.v1"]
        await send({"type": "websocket.accept", "subprotocol": "hub.v1"})
        if not authorized:
            await send({"type": "websocket.close", "code": 4401})
            return
        self.connects += 1
        self._sends.append(send)
        while (message := await receive())["type"] != "websocket.disconnect":
            document = json.loads(message["text"])
            self.messages.append(document)
            if document["type"] == "heartbeat" and self.acknowledges:
                server_time = datetime.fromtimestamp(self.now(), UTC).isoformat()
                await self.say({"type": "heartbeat.ack", "server_time": server_time})
