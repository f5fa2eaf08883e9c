"""The relay's conversation: takes what is asked over the channel layer and answers it.

No hub publishes a camera yet, so every request ends, with the reason that is true of that home.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import structlog
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.db import Error
from redis.exceptions import RedisError

from devices.database_threads import in_database_thread
from devices.models import IoTHub

from .signaling import RELAY_CHANNEL

log = structlog.get_logger(__name__)
RETRY_S = 1.0


async def run_relay() -> None:
    """Serves until cancelled. Redis away is waited for."""
    while True:
        try:
            await _serve()
        except (RedisError, OSError) as error:
            log.warning("the relay cannot be reached, Redis is away", error=str(error))
        await asyncio.sleep(RETRY_S)


async def _serve() -> None:
    layer = get_channel_layer()
    if layer is None:
        raise RuntimeError("the relay needs a channel layer: set CHANNEL_LAYERS")
    while True:
        message = await layer.receive(RELAY_CHANNEL)
        if message.get("type") != "stream.request":
            log.warning("the relay does not know this message", type=ascii(message.get("type")))
            continue
        answer = await answer_request(message)
        try:
            await layer.send(message["reply_channel"], answer)
        except ChannelFull:
            log.warning("a viewer does not read its answers", senior_id=message["senior_id"])


async def answer_request(request: dict[str, Any]) -> dict[str, Any]:
    """`stream.ended` for a request; `stream_id` is null, since no offer was made."""
    reason: Literal["hub_offline", "hub_refused", "timeout"]
    try:
        reason = await in_database_thread(read_refusal, request["senior_id"])
    except Error as error:
        log.warning("a camera request ends, the database is away", error=str(error))
        reason = "timeout"
    log.info("camera request ended", senior_id=request["senior_id"], reason=reason)
    return {"type": "stream.ended", "stream_id": None, "about": request["about"], "reason": reason}


def read_refusal(senior_id: int) -> Literal["hub_offline", "hub_refused"]:
    """Why there is no picture from this home: its hub is not there, or is there and has no camera."""
    online = IoTHub.objects.filter(senior_id=senior_id, deregistered_at=None, status=IoTHub.Status.ONLINE)
    return "hub_refused" if online.exists() else "hub_offline"
