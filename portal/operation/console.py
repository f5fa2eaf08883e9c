"""Where the output of our processes goes: the terminal with each line under its process's name, or log files."""

from __future__ import annotations

import contextlib
import os
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

_NAME_WIDTH = 16
_LINE_LIMIT = 64 * 1024


class Console:
    """Collects the output of many processes in one thread; with `quiet` it goes to `<folder>/<name>.log` instead, but
    for the processes named in `shown`."""

    def __init__(self, stream: TextIO, folder: Path, *, quiet: bool, shown: frozenset[str] = frozenset()) -> None:
        self._stream = stream
        self._folder = folder
        self._quiet = quiet
        self._shown = shown
        self._selector = selectors.DefaultSelector()
        self._rest: dict[int, bytes] = {}

    def open_output(self, name: str) -> int:
        """Return a descriptor for the process to write to; the caller closes it once the process has it."""
        if self._quiet and name not in self._shown:
            return os.open(self._folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        self._selector.register(reader, selectors.EVENT_READ, name)
        self._rest[reader] = b""
        return writer

    def pump(self, seconds: float) -> None:
        """Write out what comes within `seconds`, returning after the first of it."""
        for key, _events in self._selector.select(seconds):
            self._read(key.fd, str(key.data))

    def _read(self, reader: int, name: str) -> None:
        try:
            chunk = os.read(reader, _LINE_LIMIT)
        except BlockingIOError:
            return
        *lines, rest = (self._rest[reader] + chunk).split(b"\n")
        if not chunk or len(rest) > _LINE_LIMIT:
            lines, rest = [*lines, rest] if rest else lines, b""
        self._rest[reader] = rest
        self._write(name, lines)
        if not chunk:
            self._selector.unregister(reader)
            os.close(reader)
            del self._rest[reader]

    def _write(self, name: str, lines: list[bytes]) -> None:
        # A closed terminal must not end the processes.
        with contextlib.suppress(OSError):
            for line in lines:
                self._stream.write(f"{name:<{_NAME_WIDTH}}| {line.decode('utf-8', 'replace')}\n")
            self._stream.flush()
