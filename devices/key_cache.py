"""A small memory of hub keys in each web process, for what hubs ask many times a second.

An entry lives 10 s at most and goes at once when a revocation comes; an unknown prefix is remembered for 1 s. The
secret itself is checked each time.
"""

from __future__ import annotations

import time
from typing import NamedTuple, TypeVar

from . import revocation_feed
from .api_keys import credential_of, matches
from .authentication import HUB_PREFIX, HubPrincipal, LiveKey, find_live_key
from .database_threads import in_database_thread

T = TypeVar("T")
KNOWN_FOR_S = 10.0
UNKNOWN_FOR_S = 1.0
MAX_KNOWN = 20_000
MAX_UNKNOWN = 1_000


class Entry(NamedTuple):
    key: LiveKey
    until: float


class KeyCache:
    """Use it from the event loop. It subscribes itself to the revocations of the running loop."""

    def __init__(self) -> None:
        self._known: dict[str, Entry] = {}
        self._unknown: dict[str, float] = {}
        self._drops = 0

    async def authenticate(self, header: str) -> HubPrincipal | None:
        """As `authentication.authenticate_hub`. Raises django.db.Error when the database is needed and away."""
        revocation_feed.subscribe(self)
        credential = credential_of(header)
        if credential is None or not credential[0].startswith(HUB_PREFIX):
            return None
        prefix, secret = credential
        key = await self._find(prefix)
        if key is None or not matches(secret, key.key_hash):
            return None
        return HubPrincipal(key.hub_id, key.senior_id, prefix)

    def credential_revoked(self, kind: str, subject: str) -> None:
        self._drops += 1
        if kind == "hub_key":
            self._known.pop(subject, None)
        elif kind == "hub":
            self._known = {prefix: entry for prefix, entry in self._known.items() if str(entry.key.hub_id) != subject}

    def store_went_away(self) -> None:
        """Revocations cannot be heard now."""
        self._drops += 1
        self._known.clear()

    async def _find(self, prefix: str) -> LiveKey | None:
        now = time.monotonic()
        entry = self._known.get(prefix)
        if entry is not None and entry.until > now:
            return entry.key
        if self._unknown.get(prefix, 0.0) > now:
            return None
        drops = self._drops
        key = await in_database_thread(find_live_key, prefix)
        if key is None:
            self._known.pop(prefix, None)
            remember(self._unknown, prefix, now + UNKNOWN_FOR_S, MAX_UNKNOWN)
        elif drops == self._drops:  # else a revocation came while we read, perhaps of this key
            lives_s = KNOWN_FOR_S if key.lives is None else min(KNOWN_FOR_S, key.lives.total_seconds())
            remember(self._known, prefix, Entry(key, now + lives_s), MAX_KNOWN)
        return key


def remember(memory: dict[str, T], name: str, value: T, limit: int) -> None:
    """Keeps `value`, forgetting the oldest beyond `limit`."""
    memory.pop(name, None)
    while len(memory) >= limit:
        del memory[next(iter(memory))]
    memory[name] = value


KEYS = KeyCache()
authenticate = KEYS.authenticate
