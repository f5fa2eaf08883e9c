"""A connection that carries nothing but an echo: whether pictures could reach that browser is tried with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .peers import MISFITS, BadDescription, Peer

if TYPE_CHECKING:
    from aiortc import RTCDataChannel

LASTS_S = 20.0
MOST = 10


class EchoPeer(Peer):
    def __init__(self) -> None:
        super().__init__(lambda: None, lambda: None)
        self._connection.on("datachannel", self._echo)

    def _echo(self, channel: RTCDataChannel) -> None:
        channel.on("message", channel.send)

    async def answer(self, sdp: str) -> str:
        """Raises BadDescription."""
        await self._take("offer", sdp)
        try:
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except MISFITS as error:
            raise BadDescription(f"not a usable offer: {error}") from error
        return self._connection.localDescription.sdp


class Checks:
    """A relay's running checks: a few at once, each for seconds."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    async def begin(self, sdp: str) -> str:
        """The answer to a browser's offer of one data channel. Raises BadDescription, also when too many run."""
        if len(self._running) >= MOST:
            raise BadDescription("too many checks run; try again in half a minute")
        peer = EchoPeer()
        task = asyncio.create_task(self._end_later(peer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await peer.answer(sdp)

    async def _end_later(self, peer: EchoPeer) -> None:
        try:
            await asyncio.sleep(LASTS_S)
        finally:
            await peer.close()

    async def close(self) -> None:
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
