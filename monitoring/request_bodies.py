"""The body of an ASGI request: counted while it comes, or let go unread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from django.conf import settings

from .hub_batches import TooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asgiref.typing import ASGIReceiveCallable, HTTPScope

BODY_WITHIN_S = 30.0
LOOK_S = 1.0
ABOUT_BODY = frozenset({b"content-length", b"content-encoding", b"transfer-encoding"})


class Disconnected(Exception):
    """The hub went away while it was sending: nobody waits for an answer."""


class BodyTooSlow(Exception):
    """The body did not come in time."""


def announces_at_most(headers: Mapping[bytes, bytes], limit: int) -> bool:
    """Whether the length of the body is told beforehand, and is no more than `limit` bytes."""
    told = headers.get(b"content-length", b"")
    return told.isdigit() and int(told) <= limit


class Patience:
    """Gives up bodies that take too long, on one event loop. One timer looks at all of them each second: a timer for
    each would cost a small request a fifth of its time."""

    def __init__(self) -> None:
        self._since: dict[asyncio.Task[Any], float] = {}
        self._given_up: set[asyncio.Task[Any]] = set()
        self._is_looking = False

    async def read(self, receive: ASGIReceiveCallable) -> bytes:
        """Raises TooLarge, BodyTooSlow, Disconnected."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is None:
            raise RuntimeError("a body is read in a task")
        self._since[task] = loop.time()
        if not self._is_looking:
            self._is_looking = True
            loop.call_later(LOOK_S, self._look, loop)
        try:
            return await _read_parts(receive)
        except asyncio.CancelledError as error:
            if task in self._given_up and task.uncancel() == 0:
                raise BodyTooSlow from error
            raise
        finally:
            del self._since[task]
            self._given_up.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        too_long = loop.time() - BODY_WITHIN_S
        for task, since in self._since.items():
            if since < too_long and task not in self._given_up:
                self._given_up.add(task)
                task.cancel()
        self._is_looking = bool(self._since)
        if self._is_looking:
            loop.call_later(LOOK_S, self._look, loop)


async def read_body(receive: ASGIReceiveCallable, headers: Mapping[bytes, bytes], patience: Patience) -> bytes:
    """The body, refused by its announced length or as soon as it has grown too large.

    Raises TooLarge, BodyTooSlow, Disconnected.
    """
    told = headers.get(b"content-length", b"")
    if told.isdigit() and int(told) > settings.MAX_BODY_BYTES:
        raise TooLarge
    return await patience.read(receive)


async def _read_parts(receive: ASGIReceiveCallable) -> bytes:
    limit = settings.MAX_BODY_BYTES
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        size += len(message["body"])
        if size > limit:
            raise TooLarge
        parts.append(message["body"])
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def bodiless(scope: HTTPScope) -> HTTPScope:
    """`scope` of the same request with nothing in it, so that nobody looks for a body and finds it malformed."""
    return {**scope, "headers": [header for header in scope["headers"] if header[0].lower() not in ABOUT_BODY]}


def without_body(receive: ASGIReceiveCallable) -> Any:
    """`receive` with an empty body: what the client sends of it is let go as it comes, and never kept."""
    is_told = False

    async def receive_nothing() -> Any:
        nonlocal is_told
        if not is_told:
            is_told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        message = await receive()
        while message["type"] == "http.request":
            message = await receive()
        return message

    return receive_nothing
