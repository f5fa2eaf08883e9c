"""One viewer's share of a source, as the track that aiortc sends: encoded frames, never decoded."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

if TYPE_CHECKING:
    from .frames import EncodedFrame
    from .source import RelaySource

QUEUE_FRAMES = 75
CATCH_UP_S = 0.005
"""Between frames of the group that a joining viewer is behind: all at once would overrun the buffers on the way."""


class Subscription(MediaStreamTrack):
    """Begins at the sender's first `recv`, which aiortc makes when the viewer's connection is up.

    Who joins gets the frames since the last key frame at once. A viewer who cannot follow loses what waits and begins
    again at a key frame; the others never wait for them.
    """

    def __init__(self, source: RelaySource) -> None:
        super().__init__()
        self.kind = source.codec.kind
        self.sent = 0
        self._source = source
        self._queue: deque[EncodedFrame] = deque()
        self._filled = asyncio.Event()
        self._has_joined = False
        self._needs_key = True
        self._behind = 0

    def push(self, frame: EncodedFrame) -> None:
        if self._needs_key and not frame.is_key:
            return
        if len(self._queue) >= QUEUE_FRAMES:
            self._queue.clear()
            self._needs_key = not frame.is_key
            self._source.request_key_frame()
            if self._needs_key:
                return
        self._needs_key = False
        self._queue.append(frame)
        self._filled.set()

    async def recv(self) -> EncodedFrame:  # type: ignore[override]  # its sender packs it (aiortc_seam.share_packing)
        """The next frame. Raises MediaStreamError when the subscription has ended."""
        if not self._has_joined:
            self._join()
        while not self._queue:
            if self.readyState != "live":
                raise MediaStreamError
            self._filled.clear()
            await self._filled.wait()
        if self._behind and self.sent:
            self._behind -= 1
            await asyncio.sleep(CATCH_UP_S)
            if not self._queue:  # it overflowed meanwhile
                return await self.recv()
        frame = self._queue.popleft()
        self.sent += 1
        return frame

    def _join(self) -> None:
        self._has_joined = True
        self._source.join(self)
        group = self._source.group
        if group:
            self._queue.extend(group)
            self._behind = len(group) - 1
            self._needs_key = False
        else:
            self.request_key_frame()

    def request_key_frame(self) -> None:
        """The viewer lost its picture."""
        self._source.request_key_frame()

    def end(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends; aiortc calls it too, when the viewer's connection is over."""
        super().stop()
        self._source.leave(self)
        self._queue.clear()
        self._filled.set()
