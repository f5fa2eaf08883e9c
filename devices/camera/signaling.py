"""What browsers, hubs and the relay say to each other about the camera, over the channel layer.

The layer carries signaling alone: a message that is lost costs a viewer another try, never a fact.
"""

from __future__ import annotations

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

RELAY_CHANNEL = "camera-relay"


class RelayUnavailable(Exception):
    """The relay cannot be asked now; the viewer may try again."""


async def request_stream(senior_id: int, reason: str, reply_channel: str, about: str) -> None:
    """Asks the relay for the camera of a senior's home. Who may look is judged before this call.

    `about` is the id of the browser's message, `reply_channel` the channel that answers go to: `stream.ended`
    {stream_id, about, reason}. Raises RelayUnavailable.
    """
    request = {
        "type": "stream.request",
        "senior_id": senior_id,
        "reason": reason,
        "about": about,
        "reply_channel": reply_channel,
    }
    layer = get_channel_layer()
    if layer is None:
        raise RelayUnavailable("no channel layer is configured")
    try:
        await layer.send(RELAY_CHANNEL, request)
    except (ChannelFull, RedisError, OSError) as error:
        raise RelayUnavailable(str(error)) from error
