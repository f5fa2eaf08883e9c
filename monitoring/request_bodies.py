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
ABOUT_BODY = frozenset({b"content-length", b"content-encoding", b"transfer-encoding"})


class Disconnected(Exception):
    """The hub went away while it was sending: nobody waits for an answer."""


class BodyTooSlow(Exception):
    """The body did not come in time."""


def announces_at_most(headers: Mapping[bytes, bytes], limit: int) -> bool:
    """Whether the length of the body is told beforehand, and is no more than `limit` bytes."""
    told = headers.get(b"content-length", b"")
    return told.isdigit() and int(told) <= limit


async def read_body(receive: ASGIReceiveCallable, headers: Mapping[bytes, bytes]) -> bytes:
    """The body, refused by its announced length or as soon as it has grown too large.

    Raises TooLarge, BodyTooSlow, Disconnected.
    """
    told = headers.get(b"content-length", b"")
    if told.isdigit() and not announces_at_most(headers, settings.MAX_BODY_BYTES):
        raise TooLarge
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await _read_parts(receive)
    except TimeoutError as error:
        raise BodyTooSlow from error


async def _read_parts(receive: ASGIReceiveCallable) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        size += len(message["body"])
        if size > settings.MAX_BODY_BYTES:
            raise TooLarge
        parts.append(message["body"])
        more = message.get("more_body", False)
    return b"".join(parts)


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
