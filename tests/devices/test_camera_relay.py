from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from channels.layers import channel_layers, get_channel_layer

from devices import presence
from devices.camera.relay import run_relay
from devices.camera.signaling import RelayUnavailable, request_stream
from devices.database_threads import in_database_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pytest_django import Settings

    from devices.models import IoTHub
    from seniors.models import Senior

pytestmark = pytest.mark.django_db(transaction=True)
ABSENT = "redis://127.0.0.1:1/0"


@pytest.fixture
async def relay() -> AsyncIterator[None]:
    serving = asyncio.create_task(run_relay())
    yield
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def ask(senior: Senior, within_s: float = 5.0) -> dict[str, Any]:
    layer = get_channel_layer()
    assert layer is not None
    reply_channel = f"test-{uuid.uuid4().hex}"
    await request_stream(senior.pk, "쓰러지신 것 같음", reply_channel, "17")
    async with asyncio.timeout(within_s):
        answer: dict[str, Any] = await layer.receive(reply_channel)
    return answer


async def test_a_home_without_its_hub_answers_hub_offline(relay: None, senior: Senior, hub: IoTHub) -> None:
    assert await ask(senior) == {
        "type": "stream.ended",
        "stream_id": None,
        "about": "17",
        "reason": "hub_offline",
    }


async def test_a_hub_without_a_camera_refuses(relay: None, senior: Senior, hub: IoTHub) -> None:
    await in_database_thread(presence.mark_post, hub.hub_id)
    assert (await ask(senior))["reason"] == "hub_refused"


async def test_a_relay_that_was_idle_for_longer_than_6_seconds_still_answers(relay: None, senior: Senior) -> None:
    await asyncio.sleep(6.5)
    assert (await ask(senior))["reason"] == "hub_offline"


async def test_a_relay_waits_for_redis(senior: Senior, settings: Settings) -> None:
    here = settings.CHANNEL_LAYERS
    settings.CHANNEL_LAYERS = {"default": {**here["default"], "CONFIG": {"hosts": [ABSENT]}}}
    serving = asyncio.create_task(run_relay())
    with pytest.raises(RelayUnavailable):
        await request_stream(senior.pk, "확인", "test-nobody", "1")
    settings.CHANNEL_LAYERS = here
    assert channel_layers.backends == {}
    assert (await ask(senior, within_s=5.0))["reason"] == "hub_offline"
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
