"""One home's picture or sound inside the relay: what the hub sends, dealt out to everybody who looks.

A source outlives the hub's connections: viewers see one continuous time line. It lives on the event loop.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from .aiortc_seam import SharedPacker

if TYPE_CHECKING:
    from collections.abc import Callable

    from .frames import Codec, EncodedFrame

KEY_REQUEST_EVERY_S = 0.5
GROUP_FRAMES = 300
GROUP_BYTES = 8_000_000


class FrameSink(Protocol):
    """Who gets the frames. Must not block."""

    def push(self, frame: EncodedFrame) -> None: ...

    def end(self) -> None: ...


class RelaySource:
    """Deals each frame to all sinks, keeps the frames since the last key frame for who joins, asks for key frames.

    `ask_hub` sends the hub one key-frame request. Requests are joined: at most one each 0.5 s, and one that comes
    earlier is put off, never dropped.
    """

    def __init__(self, codec: Codec, now: Callable[[], float] = time.monotonic) -> None:
        self.codec = codec
        self.packer = SharedPacker(codec)
        self.group: list[EncodedFrame] = []
        self.frames = 0
        self._now = now
        self._group_bytes = 0
        self._sinks: set[FrameSink] = set()
        self._connection: object | None = None
        self._ask_hub: Callable[[], None] | None = None
        self._asked_at = -KEY_REQUEST_EVERY_S
        self._put_off: asyncio.TimerHandle | None = None
        self._offset: int | None = None
        self._last_out = 0
        self._last_at: float | None = None

    # -- the hub's side

    def attach(self, connection: object, ask_hub: Callable[[], None]) -> None:
        """A connection of the hub begins, in place of any earlier; its first frame continues the time line."""
        self._connection, self._ask_hub = connection, ask_hub
        self._offset = None
        self._drop_group()

    def detach(self, connection: object) -> None:
        """The hub's connection is over. Viewers stay, on the last picture."""
        if self._connection is not connection:
            return  # a newer one feeds the source already
        self._connection = self._ask_hub = None
        self._drop_group()

    def is_fed_by(self, connection: object) -> bool:
        return self._connection is connection

    def push(self, frame: EncodedFrame) -> None:
        """Takes the next frame of the hub, whose `timestamp` is moved onto the time line."""
        now = self._now()
        if self._offset is None:
            self._offset = self._continue_at(now) - frame.timestamp
        frame.timestamp += self._offset
        self._last_out, self._last_at = frame.timestamp, now
        self.frames += 1
        if self.codec.kind == "video":
            self._keep(frame)
        for sink in self._sinks:
            sink.push(frame)

    def _continue_at(self, now: float) -> int:
        """Where the next connection's first frame stands: as much later as it came later, at least a 30th."""
        if self._last_at is None:
            return 0
        rate = self.codec.clock_rate
        return self._last_out + max(rate // 30, int((now - self._last_at) * rate))

    def _keep(self, frame: EncodedFrame) -> None:
        if frame.is_key:
            self._drop_group()
        elif not self.group:
            return  # begins with no key frame, or grew too long
        self.group.append(frame)
        self._group_bytes += len(frame.data)
        if len(self.group) > GROUP_FRAMES or self._group_bytes > GROUP_BYTES:
            self._drop_group()

    def _drop_group(self) -> None:
        self.group, self._group_bytes = [], 0

    def silent_for(self) -> float | None:
        """Seconds since the last frame; None before the first."""
        return None if self._last_at is None else self._now() - self._last_at

    # -- the viewers' side

    def join(self, sink: FrameSink) -> None:
        self._sinks.add(sink)

    def leave(self, sink: FrameSink) -> None:
        self._sinks.discard(sink)

    def request_key_frame(self) -> None:
        if self.codec.kind != "video" or self._ask_hub is None or self._put_off is not None:
            return
        wait = self._asked_at + KEY_REQUEST_EVERY_S - self._now()
        if wait <= 0:
            self._request_now()
        else:
            self._put_off = asyncio.get_running_loop().call_later(wait, self._request_now)

    def _request_now(self) -> None:
        self._put_off = None
        if self._ask_hub is not None:
            self._asked_at = self._now()
            self._ask_hub()

    def end(self) -> None:
        """Nothing comes any more: every sink ends."""
        if self._put_off is not None:
            self._put_off.cancel()
        for sink in tuple(self._sinks):
            sink.end()
        self._sinks.clear()
