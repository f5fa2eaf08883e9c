"""One PostgreSQL connection that an event loop drives: several statements in one journey, COPY among them.

psycopg's cursors send each statement by itself and refuse COPY beside others. A commit of sensor events is a COPY and
an INSERT, so this speaks to psycopg's libpq wrapper (`psycopg.pq`) instead: statements sent together are one
transaction (the protocol's "Multiple Statements in a Simple Query").
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self

import psycopg
from psycopg import pq


class CopyConnection:
    """Use it from one task of one event loop at a time. It is broken for good after an error of the connection."""

    def __init__(self, connection: pq.abc.PGconn) -> None:
        self._pg = connection
        self._pg.nonblocking = 1
        self._waiter: asyncio.Future[None] | None = None
        self._socket = connection.socket
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    @classmethod
    async def open(cls, conninfo: str) -> Self:
        """Connects in a thread, since resolving a name would hold up the loop. Raises psycopg.OperationalError."""
        connection = await asyncio.to_thread(pq.PGconn.connect, conninfo.encode())
        if connection.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError(connection.get_error_message())
        return cls(connection)

    @property
    def is_alive(self) -> bool:
        """False as soon as the server's end of the connection is known to be gone."""
        return self._pg.status == pq.ConnStatus.OK

    def close(self) -> None:
        if self._pg.status == pq.ConnStatus.OK:
            asyncio.get_running_loop().remove_reader(self._socket)
        self._pg.finish()

    async def run(self, statements: str, *copies: bytes) -> list[tuple[bytes, ...]]:
        """Runs `statements` in one transaction, each COPY among them with the next of `copies`; their answers' rows.

        Raises the psycopg.Error of the statement that failed (then nothing was done, and the connection may be used
        again), or psycopg.OperationalError when the connection is lost. After a cancellation close it.
        """
        self._pg.send_query(statements.encode())
        await self._flush()
        answers: list[tuple[bytes, ...]] = []
        data = iter(copies)
        error: psycopg.Error | None = None
        while (result := await self._next_result()) is not None:
            if result.status == pq.ExecStatus.COPY_IN:
                await self._send(next(data))
            elif result.status == pq.ExecStatus.TUPLES_OK:
                answers.extend(_rows(result))
            elif result.status != pq.ExecStatus.COMMAND_OK:
                error = error or _as_error(result)
        if error is not None:
            raise error
        return answers

    async def _send(self, rows: bytes) -> None:
        self._pg.put_copy_data(rows)  # libpq keeps what the socket does not take at once
        self._pg.put_copy_end()
        await self._flush()

    async def _next_result(self) -> pq.abc.PGresult | None:
        while self._pg.is_busy() and self.is_alive:
            await self._wait()
        return self._pg.get_result()

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pg.flush() == 1:
            loop.add_writer(self._socket, self._stir)
            try:
                await self._wait()
            finally:
                loop.remove_writer(self._socket)

    def _read(self) -> None:
        """The loop calls it when the server has sent something, or is gone."""
        with suppress(psycopg.OperationalError):  # the status tells
            self._pg.consume_input()
        if self._pg.status != pq.ConnStatus.OK:
            asyncio.get_running_loop().remove_reader(self._socket)
        self._stir()

    async def _wait(self) -> None:
        """Until something came from the server, or more can be sent to it."""
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _stir(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _rows(result: pq.abc.PGresult) -> list[tuple[bytes, ...]]:
    columns = range(result.nfields)
    return [tuple(result.get_value(row, column) or b"" for column in columns) for row in range(result.ntuples)]


def _as_error(result: pq.abc.PGresult) -> psycopg.Error:
    state = result.error_field(pq.DiagnosticField.SQLSTATE)
    message = result.get_error_message()
    if not state:
        return psycopg.OperationalError(message)
    try:
        return psycopg.errors.lookup(state.decode())(message)
    except KeyError:
        return psycopg.DatabaseError(message)
