"""How the bench's processes talk: one JSON object a line over a TCP connection on loopback, one answer each."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LIMIT = 1_000_000


async def serve(port: int, answer: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]) -> None:
    """Answers until cancelled."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(json.dumps(await answer(json.loads(line))).encode() + b"\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", port, limit=LIMIT)
    async with server:
        await server.serve_forever()


async def ask(port: int, **question: Any) -> dict[str, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LIMIT)
    try:
        writer.write(json.dumps(question).encode() + b"\n")
        await writer.drain()
        answer: dict[str, Any] = json.loads(await reader.readline())
    finally:
        writer.close()
    return answer
