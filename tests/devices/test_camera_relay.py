"""What a viewer's process hears of a relay that has no picture to give, and of one that is away."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from channels.layers import channel_layers

from devices import presence
from devices.camera import session
from devices.camera.inbox import inbox
from devices.camera.relay import run_relay
from devices.camera.signaling import RelayUnavailable, ViewRequest
from devices.database_threads import in_database_thread
from tests.devices.camera.conftest import relay  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pytest_django import Settings

    from devices.models import IoTHub

pytestmark = pytest.mark.django_db(transaction=True)
ABSENT = "redis://127.0.0.1:1/0"


class Listener:
    def __init__(self) -> None:
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def stream_said(self, message: dict[str, Any]) -> None:
        self.said.put_nowait(message)

    def stream_ended(self, stream_id: str, reason: str) -> None: ...

    def stream_live(self, stream_id: str) -> None: ...


async def ask(hub: IoTHub, within_s: float = 5.0) -> dict[str, Any]:
    """How a view ends that began now; a relay that has just started is waited for."""
    listener = Listener()
    request = ViewRequest(uuid.uuid4().hex, hub.senior_id, hub.hub_id, 1, "김미영", about="17")
    async with asyncio.timeout(within_s):
        while True:
            try:
                await inbox().ask(request, listener)
                break
            except RelayUnavailable:
                await asyncio.sleep(0.05)
        while (message := await listener.said.get())["type"] != "stream.ended":
            assert message["type"] == "stream.viewers"
    return message


@pytest.mark.usefixtures("relay")
async def test_a_home_without_its_hub_answers_hub_offline(hub: IoTHub) -> None:
    ended = {"type": "stream.ended", "stream_id": None, "about": "17", "reason": "hub_offline"}
    assert await ask(hub) == ended


@pytest.mark.usefixtures("relay")
async def test_a_hub_that_does_not_offer_its_camera_is_waited_for_and_given_up(
    hub: IoTHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "OFFER_WITHIN_S", 0.5)
    await in_database_thread(presence.mark_post, hub.hub_id)
    assert (await ask(hub))["reason"] == "timeout"


@pytest.mark.usefixtures("relay")
async def test_a_relay_that_was_idle_for_longer_than_6_seconds_still_answers(hub: IoTHub) -> None:
    await asyncio.sleep(6.5)
    assert (await ask(hub))["reason"] == "hub_offline"


async def test_a_relay_waits_for_redis(hub: IoTHub, settings: Settings) -> None:
    here = settings.CHANNEL_LAYERS
    settings.CHANNEL_LAYERS = {"default": {**here["default"], "CONFIG": {"hosts": [ABSENT]}}}
    serving = asyncio.create_task(run_relay())
    with pytest.raises(RelayUnavailable):
        await inbox().ask(ViewRequest("x", hub.senior_id, hub.hub_id, 1, "김미영"), Listener())
    settings.CHANNEL_LAYERS = here
    assert channel_layers.backends == {}
    assert (await ask(hub))["reason"] == "hub_offline"
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def test_without_a_relay_the_viewer_may_try_again(hub: IoTHub) -> None:
    with pytest.raises(RelayUnavailable):
        await inbox().ask(ViewRequest("x", hub.senior_id, hub.hub_id, 1, "김미영"), Listener())
