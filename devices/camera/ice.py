"""How the two ends find each other: addresses, and TURN servers with credentials that end by themselves."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

from django.conf import settings

CREDENTIAL_LASTS_S = 3600


def make_ice_servers(who: str) -> list[dict[str, Any]]:
    """As RTCPeerConnection takes them, for one session of `who` (shown in the TURN server's log).

    TURN_URLS with TURN_SECRET (coturn's use-auth-secret) gives credentials for an hour; coturn asks for them when a
    relay address is allocated, so a view that began goes on. Nothing else is added: no STUN server is assumed.
    """
    servers: list[dict[str, Any]] = list(settings.ICE_SERVERS)
    if settings.TURN_URLS and settings.TURN_SECRET:
        username = f"{int(time.time()) + CREDENTIAL_LASTS_S}:{who}"
        digest = hmac.new(settings.TURN_SECRET.encode(), username.encode(), hashlib.sha1).digest()
        servers.append(
            {"urls": settings.TURN_URLS, "username": username, "credential": base64.b64encode(digest).decode()}
        )
    return servers
