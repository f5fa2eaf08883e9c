"""A person's page at the staff socket, with a real session's cookie, spoken to the consumer itself."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.test import Client

from devices.database_threads import in_database_thread
from monitoring.consumers import StaffConsumer
from monitoring.staff_feed import feed
from tests.devices.sockets import Communicator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from seniors.models import Staff

PATIENCE_S = 5.0


def log_in(staff: Staff) -> str:
    """The session key of a new log-in."""
    client = Client()
    client.force_login(staff)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


class Page:
    def __init__(self, communicator: Communicator) -> None:
        self._communicator = communicator
        self.hello: dict[str, Any] = {}

    async def send(self, kind: str, **fields: Any) -> None:
        await self.send_text(json.dumps({"type": kind, **fields}))

    async def send_text(self, text: str) -> None:
        await self._communicator.send_to(text_data=text)

    async def receive(
        self, kind: str, within_s: float = PATIENCE_S, passing_over: Collection[str] = ()
    ) -> dict[str, Any]:
        """The next message, which must be of that kind; a pulse may come at any time and is passed over."""
        while True:
            frame = await self._communicator.receive_output(within_s)
            assert frame["type"] == "websocket.send", frame
            message: dict[str, Any] = json.loads(frame["text"])
            if message["type"] == kind:
                return message
            assert message["type"] in {"pulse", *passing_over}, message

    async def receive_any(self, within_s: float = PATIENCE_S) -> dict[str, Any]:
        frame = await self._communicator.receive_output(within_s)
        assert frame["type"] == "websocket.send", frame
        message: dict[str, Any] = json.loads(frame["text"])
        return message

    async def closed(self, within_s: float = PATIENCE_S) -> int:
        """The close code, whatever comes before it."""
        async with asyncio.timeout(within_s):
            while True:
                frame = await self._communicator.receive_output(within_s)
                if frame["type"] == "websocket.close":
                    return int(frame["code"])

    async def hears_nothing(self, for_s: float = 0.7) -> bool:
        return bool(await self._communicator.receive_nothing(for_s, 0.05))


def connect(cookie: str, *headers: tuple[bytes, bytes]) -> Communicator:
    return Communicator(StaffConsumer.as_asgi(), "/ws/staff/", headers=[(b"cookie", cookie.encode()), *headers])


@asynccontextmanager
async def page_with_cookie(cookie: str, *headers: tuple[bytes, bytes]) -> AsyncIterator[Page]:
    """An accepted socket, nothing read from it yet."""
    communicator = connect(cookie, *headers)
    accepted, _ = await communicator.connect(PATIENCE_S)
    assert accepted
    yield Page(communicator)
    await communicator.disconnect(timeout=PATIENCE_S)
    await feed().stop()


@asynccontextmanager
async def page_of(staff: Staff, session_key: str = "") -> AsyncIterator[Page]:
    """A page that has read its hello."""
    key = session_key or await in_database_thread(log_in, staff)
    async with page_with_cookie(f"{settings.SESSION_COOKIE_NAME}={key}") as page:
        page.hello = await page.receive("hello")
        yield page
