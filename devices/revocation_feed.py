"""Each process hears of revocations within a second: one poll of their rows each 0.5 s, hastened by Redis.

One feed an event loop, started by the first subscriber and ended with the last. Subscribe first, then look at the
credential: what dies in between is heard of.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol
from weakref import WeakKeyDictionary

import structlog
from django.db import Error

from seniors.revocations import RevocationLog

from . import hints
from .database_threads import in_database_thread

log = structlog.get_logger(__name__)
POLL_S = 0.5


class Listener(Protocol):
    """Both are called on the event loop and must not block."""

    def credential_revoked(self, kind: str, subject: str) -> None:
        """A session, person, hub or key died or changed (`seniors.models.Revocation.Kind`): look at it anew."""

    def store_went_away(self) -> None:
        """Nobody can say now what has been revoked."""


class RevocationFeed:
    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._log = RevocationLog()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, listener: Listener) -> None:
        self._listeners.add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="revocations")

    def unsubscribe(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        if not self._listeners and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        listening = asyncio.create_task(hints.listen([hints.REVOCATIONS], self._wake))
        try:
            while True:
                await self._poll()
                await hints.wait(self._wake, POLL_S)
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def _poll(self) -> None:
        try:
            revoked = await in_database_thread(self._log.poll)
        except Error as error:
            log.warning("revocations cannot be read", error=str(error))
            self._tell_all(None)
            return
        for revocation in revoked:
            self._tell_all(revocation)

    def _tell_all(self, revocation: tuple[str, str] | None) -> None:
        """None: the store went away."""
        for listener in tuple(self._listeners):
            try:
                if revocation is None:
                    listener.store_went_away()
                else:
                    listener.credential_revoked(*revocation)
            except Exception:  # a revocation is told once: one listener's error must not keep it from the others
                log.exception("a listener failed at a revocation")


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, RevocationFeed] = WeakKeyDictionary()


def _feed() -> RevocationFeed:
    loop = asyncio.get_running_loop()
    if loop not in _feeds:
        _feeds[loop] = RevocationFeed()
    return _feeds[loop]


def subscribe(listener: Listener) -> None:
    """Tells `listener` of every revocation from now on. Again is harmless."""
    _feed().subscribe(listener)


def unsubscribe(listener: Listener) -> None:
    _feed().unsubscribe(listener)
