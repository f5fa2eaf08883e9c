"""What the clients outside did and saw, on disk before they act on it: the oracle knows this and SQL alone.

One JSON object a line, with `at` (Unix time) and `kind`:

    press      a home presses: senior_id, source (the press's key, as the backend must make it)
    kept       the press was answered 200: source
    publish    an AI worker says that a home is silent: senior_id, source (the episode)
    connected  a person's socket is open: person, connection
    lost       that socket ended: person, connection
    told       a message about an emergency came: person, connection, type, seq, delivery_id, log_id, senior_id, status
    caught_up  everything that hello or resume had to say has come: person, connection
    taking     a person presses "I take it": person, log_id
    took       and it was answered: person, log_id
    resolved   the end was answered: log_id, senior_id
    raising_ends  no press and no episode after this
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Note = dict[str, Any]


class AlarmJournal:
    """Append-only; `note` returns when the line is on disk. Lines of one moment share an fsync."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def note(self, kind: str, **about: Any) -> None:
        await self.note_at(time.time(), kind, **about)

    async def note_at(self, at: float, kind: str, **about: Any) -> None:
        line = json.dumps({"at": at, "kind": kind, **about}).encode() + b"\n"
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, written))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        await asyncio.shield(written)

    def close(self) -> None:
        self._file.close()

    async def _write(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            await asyncio.to_thread(self._keep, b"".join(line for line, _ in waiting))
            for _, written in waiting:
                written.set_result(None)
        self._writer = None

    def _keep(self, lines: bytes) -> None:
        self._file.write(lines)
        os.fsync(self._file.fileno())


def read_notes(path: Path) -> Iterator[Note]:
    """Whole lines: a journal that is being written may end in the middle of one."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


class JournalTail:
    """What came since the last look."""

    def __init__(self, path: Path) -> None:
        self._path, self._place = path, 0

    def read(self) -> list[Note]:
        with self._path.open("rb") as journal:
            journal.seek(self._place)
            lines, end, _ = journal.read().rpartition(b"\n")
        if not end:
            return []
        self._place += len(lines) + 1
        return [json.loads(line) for line in lines.splitlines()]
