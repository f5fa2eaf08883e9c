from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from aioice import ice

from devices.camera import aiortc_seam
from devices.camera.relay import run_relay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections on loopback alone: a machine of CI may have no other network."""
    monkeypatch.setattr(ice, "get_host_addresses", ice.get_host_addresses)
    aiortc_seam.limit_addresses(["127.0.0.1"])
    aiortc_seam.shield_from_noise()


@pytest.fixture
async def relay() -> AsyncIterator[asyncio.Task[None]]:
    """A relay on the test's own event loop."""
    serving = asyncio.create_task(run_relay())
    yield serving
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
