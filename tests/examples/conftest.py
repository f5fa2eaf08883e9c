"""A backend double, and hubs that talk to it for the length of a test."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from examples.hub import Hub
from tests.examples.backend_double import KEY, BackendDouble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


class RunHub(Protocol):
    def __call__(self, **options: Any) -> contextlib.AbstractAsyncContextManager[Hub]: ...


async def reach(condition: Callable[[], object], within: float = 5) -> None:
    """Waits until `condition` holds and fails when it does not in time."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "not reached in time"
        await asyncio.sleep(0.01)


@pytest.fixture
async def backend() -> AsyncIterator[BackendDouble]:
    async with BackendDouble() as double:
        yield double


@pytest.fixture
def run_hub(backend: BackendDouble, tmp_path: Path) -> RunHub:
    @contextlib.asynccontextmanager
    async def run(**options: Any) -> AsyncIterator[Hub]:
        hub = Hub(backend.url, KEY, tmp_path / "hub.db", **options)
        running = asyncio.create_task(hub.run())
        try:
            async with asyncio.timeout(20):
                yield hub
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    return run
