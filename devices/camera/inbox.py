"""Where the relay's answers to this process's viewers arrive: one channel a process, dealt out in memory.

A socket that received from the channel layer itself would end with every outage of Redis; this task just tries again.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from .signaling import RelayUnavailable, request_stream

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)
RETRY_S = 1.0


class ViewerInbox:
    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Any, Callable[[dict[str, Any]], None]]] = {}
        self._channel = ""
        self._task: asyncio.Task[None] | None = None

    async def ask(self, senior_id: int, reason: str, about: Any, put: Callable[[dict[str, Any]], None]) -> None:
        """Asks for a senior's camera; what the relay answers is `put`, with `about` the browser's own id.

        Who may look is judged before. Raises RelayUnavailable.
        """
        layer = get_channel_layer()
        if layer is None:
            raise RelayUnavailable("no channel layer is configured")
        if not self._channel:
            self._channel = await layer.new_channel()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="viewer inbox")
        token = uuid.uuid4().hex
        self._waiting[token] = (about, put)
        try:
            await request_stream(senior_id, reason, self._channel, token)
        except RelayUnavailable:
            del self._waiting[token]
            raise

    async def _run(self) -> None:
        layer = get_channel_layer()
        while layer is not None:
            try:
                self._deal(await layer.receive(self._channel))
            except (RedisError, OSError) as error:
                log.info("the relay's answers are away", error=str(error))
                await asyncio.sleep(RETRY_S)

    def _deal(self, message: dict[str, Any]) -> None:
        token = message.get("about", "")
        waiting = self._waiting.pop(token, None) if message["type"] == "stream.ended" else self._waiting.get(token)
        if waiting:
            about, put = waiting
            put({**message, "about": about})


_inboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, ViewerInbox] = WeakKeyDictionary()


def inbox() -> ViewerInbox:
    """The inbox of this process's event loop."""
    return _inboxes.setdefault(asyncio.get_running_loop(), ViewerInbox())
