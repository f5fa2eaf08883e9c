"""What the hubs were given, on disk before they were given it: the truth that the table is held against."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class Entry(NamedTuple):
    """One event of one hub; `at` is in microseconds since 1970."""

    hub_id: int
    at: int
    sensor_id: str
    event_content: str
    sensor_value: bool


class Key(NamedTuple):
    """What makes two events the same one."""

    hub_id: int
    timestamp: datetime
    sensor_id: str
    sensor_value: bool


class Journal:
    """Append-only; `write` returns when the lines are on disk (fsync)."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def write(self, entries: Iterable[Entry]) -> None:
        self._file.write("".join(json.dumps(entry) + "\n" for entry in entries).encode())
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def read_entries(path: Path) -> Iterator[Entry]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield Entry(*json.loads(line))


def key_of(entry: Entry) -> Key:
    seconds, microseconds = divmod(entry.at, 1_000_000)
    timestamp = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
    return Key(entry.hub_id, timestamp, entry.sensor_id, entry.sensor_value)
