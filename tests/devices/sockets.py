"""A hub's end of the socket, spoken to the consumer itself."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator

from devices.consumers import HubConsumer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATIENCE_S = 5.0


class Communicator(WebsocketCommunicator):
    """Without Channels' own habit of keeping dead database connections in use during a test."""

    async def send_input(self, message: dict[str, Any]) -> None:
        await ApplicationCommunicator.send_input(self, message)  # type: ignore[no-untyped-call]  # asgiref has no types

    async def receive_output(self, timeout: float = PATIENCE_S) -> dict[str, Any]:
        frame: dict[str, Any] = await ApplicationCommunicator.receive_output(  # type: ignore[no-untyped-call]  # asgiref has no types
            self, timeout
        )
        return frame


class HubEnd:
    """What a hub does with its socket. Acknowledgements of heartbeats are set aside in `acks`."""

    def __init__(self, communicator: Communicator) -> None:
        self._communicator = communicator
        self._ids = itertools.count(1)
        self.acks: list[dict[str, Any]] = []
        self.subprotocol: str | None = None

    async def send(self, kind: str, **fields: Any) -> str:
        message_id = str(next(self._ids))
        await self.send_text(json.dumps({"type": kind, "id": message_id, **fields}))
        return message_id

    async def send_text(self, text: str) -> None:
        await self._communicator.send_to(text_data=text)

    async def send_bytes(self, data: bytes) -> None:
        await self._communicator.send_to(bytes_data=data)

    async def beat(self, battery: int | None = 80, robot_online: bool = True) -> None:
        """Sends a heartbeat and waits for its acknowledgement."""
        await self.send("heartbeat", sent_at="2026-11-22T08:30:13+09:00", battery=battery, robot_online=robot_online)
        self.acks.append(await self.receive("heartbeat.ack"))

    async def receive(self, kind: str, within_s: float = PATIENCE_S) -> dict[str, Any]:
        message = await self.receive_any(within_s)
        assert message["type"] == kind, message
        return message

    async def receive_any(self, within_s: float = 3600.0) -> dict[str, Any]:
        frame = await self._communicator.receive_output(within_s)
        assert frame["type"] == "websocket.send", frame
        message: dict[str, Any] = json.loads(frame["text"])
        assert isinstance(message["id"], str)
        return message

    async def closed(self, within_s: float = PATIENCE_S) -> int:
        """The close code, whatever comes before it."""
        async with asyncio.timeout(within_s):
            while True:
                frame = await self._communicator.receive_output(within_s)
                if frame["type"] == "websocket.close":
                    return int(frame["code"])

    async def hears_nothing(self, for_s: float) -> bool:
        return bool(await self._communicator.receive_nothing(for_s))


@asynccontextmanager
async def hub_socket(
    key: str | None, *, headers: tuple[tuple[bytes, bytes], ...] = (), subprotocols: tuple[str, ...] = ("hub.v1",)
) -> AsyncIterator[HubEnd]:
    """A socket that was accepted; at the end the hub goes."""
    proof = [(b"authorization", f"Api-Key {key}".encode())] if key else []
    communicator = Communicator(
        HubConsumer.as_asgi(), "/ws/hub/", headers=[*proof, *headers], subprotocols=list(subprotocols)
    )
    accepted, subprotocol = await communicator.connect(PATIENCE_S)
    assert accepted
    end = HubEnd(communicator)
    end.subprotocol = None if subprotocol is None else str(subprotocol)
    yield end
    await communicator.disconnect(timeout=PATIENCE_S)


async def refused_before_accepting(headers: list[tuple[bytes, bytes]]) -> bool:
    communicator = Communicator(HubConsumer.as_asgi(), "/ws/hub/", headers=headers, subprotocols=["hub.v1"])
    accepted, _ = await communicator.connect(PATIENCE_S)
    await communicator.disconnect(timeout=PATIENCE_S)
    return not accepted
