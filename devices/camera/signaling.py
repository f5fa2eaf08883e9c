"""What web processes and relays say to each other about cameras, over the channel layer.

The layer carries signaling alone: a message that is lost costs a viewer another try, never a fact. To a relay go
ViewRequest and `{"type": ..., "hub_id": ...}` messages; from it come `viewer.say`, `viewer.live` and `answered` to one
web process's inbox, and `hub.say` to all of them, since a hub's socket may be in any.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer, get_channel_layer
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import RedisError

HUBS_GROUP = "camera-hubs"


class RelayUnavailable(Exception):
    """The relay cannot be asked now; the viewer may try again."""


@dataclass(frozen=True)
class ViewRequest:
    """One person wants to see one home's camera. Who may look was judged before.

    `session` is the digest of the session that asks ("" when there is none), `about` the id of the browser's message,
    `seconds_left` less than the whole time when a view goes on at another relay, `sdp` the viewer's own offer (WHEP).
    """

    stream_id: str
    senior_id: int
    hub_id: int
    staff_id: int
    full_name: str
    session: str = ""
    break_glass: bool = False
    about: str | None = None
    seconds_left: float | None = None
    sdp: str | None = None

    def to_message(self, inbox: str) -> dict[str, Any]:
        return {"type": "viewer.request", "inbox": inbox, **asdict(self)}

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> ViewRequest:
        return cls(**{name: message[name] for name in cls.__dataclass_fields__})


def channel_layer() -> BaseChannelLayer:
    """The layer as it is configured now."""
    layer = get_channel_layer()
    if layer is None:
        raise ImproperlyConfigured("cameras need a channel layer: set CHANNEL_LAYERS")
    return layer


async def send(channel: str, message: dict[str, Any]) -> None:
    """Raises RelayUnavailable when nobody can be reached."""
    try:
        await channel_layer().send(channel, message)
    except (ChannelFull, RedisError, OSError) as error:
        raise RelayUnavailable(str(error)) from error


async def send_to_hub(hub_id: int, message: dict[str, Any]) -> None:
    """To the hub's socket, wherever it is; a hub without one hears nothing. Raises RelayUnavailable."""
    try:
        await channel_layer().group_send(HUBS_GROUP, {"type": "hub.say", "hub_id": hub_id, "message": message})
    except (RedisError, OSError) as error:
        raise RelayUnavailable(str(error)) from error
