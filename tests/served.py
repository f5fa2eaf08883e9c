"""The Procfile's web process on the test's databases, for what must go through the real web server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from django.db import connections

from portal.operation.procfile import parse_procfile

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[1]
STARTS_WITHIN_S = 60


def url_of(alias: str) -> str:
    """The URL of a test database, as the settings take it."""
    at = connections[alias].settings_dict
    return f"postgres://{quote(at['USER'])}:{quote(at['PASSWORD'])}@{at['HOST']}:{at['PORT']}/{at['NAME']}"


@contextmanager
def serve_web(**variables: str) -> Iterator[str]:
    """Host and port of the web process; `variables` stand above its environment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (web,) = [entry for entry in parse_procfile((REPOSITORY / "Procfile").read_text()) if entry.name == "web"]
    program, *arguments = web.expand({"HOST": "127.0.0.1", "PORT": str(port)})
    stores = {"DATABASE_URL": url_of("default"), "TIMESERIES_URL": url_of("timeseries")}
    serving = subprocess.Popen(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **web.variables, **stores, **variables},
        stderr=subprocess.DEVNULL,
    )
    try:
        await_port(serving, port)
        yield f"127.0.0.1:{port}"
    finally:
        serving.terminate()
        serving.wait(20)


def await_port(serving: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        assert serving.poll() is None, "the web process ended at its start"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the web process did not listen in time")
