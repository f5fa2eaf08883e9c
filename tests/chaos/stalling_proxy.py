"""A cable that can be pulled: forwards TCP, or keeps the connections open and forwards nothing, without a word."""

from __future__ import annotations

import asyncio
from contextlib import suppress

CHUNK = 65_536


class StallingProxy:
    """On a free loopback port (`port`), to `host`:`target`."""

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self._host, self._target = host, target
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._carry, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def stall(self, seconds: float) -> None:
        """Nothing passes for so long; what was sent meanwhile passes afterwards, as TCP does."""
        self._flows.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._flows.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await self._flows.wait()
            onward, back = await asyncio.open_connection(self._host, self._target)
            await asyncio.gather(self._pump(reader, back), self._pump(onward, writer))
        writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(CHUNK):
                await self._flows.wait()
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
