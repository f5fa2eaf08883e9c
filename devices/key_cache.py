"""A small memory of hub keys in each web process, for what hubs ask many times a second.

An entry lives a minute at most and goes at once when a revocation comes; an unknown prefix is remembered for 1 s. A
header that proved itself is known again whole; any other is checked against the key's hash.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple, TypeVar

from . import revocation_feed
from .api_keys import credential_of, matches
from .authentication import HUB_PREFIX, HubPrincipal, LiveKey, find_live_keys
from .grouped_calls import GroupedCall

K = TypeVar("K")
T = TypeVar("T")
KNOWN_FOR_S = 60.0
UNKNOWN_FOR_S = 1.0
MAX_KNOWN = 20_000
MAX_UNKNOWN = 1_000


class Entry(NamedTuple):
    key: LiveKey
    until: float


class Proven(NamedTuple):
    hub: HubPrincipal
    until: float


class KeyCache:
    """Use it from one event loop at a time; it subscribes itself to that loop's revocations."""

    def __init__(self) -> None:
        self._known: dict[str, Entry] = {}
        self._proven: dict[bytes, Proven] = {}  # by the header
        self._unknown: dict[str, float] = {}
        self._drops = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lookups = GroupedCall(lambda prefixes: find_live_keys(prefixes))

    def recognize(self, header: bytes) -> HubPrincipal | None:
        """The hub that proved itself by this very `Authorization` header lately; None says nothing of the others."""
        proven = self._proven.get(header)
        if proven is None or proven.until <= time.monotonic() or self._loop is not asyncio.get_running_loop():
            return None
        return proven.hub

    async def authenticate(self, header: bytes) -> HubPrincipal | None:
        """As `authentication.authenticate_hub`. Raises django.db.Error when the database is needed and away."""
        self._settle()
        credential = credential_of(header.decode("latin-1"))
        if credential is None or not credential[0].startswith(HUB_PREFIX):
            return None
        prefix, secret = credential
        drops = self._drops
        entry = await self._find(prefix)
        if entry is None or not matches(secret, entry.key.key_hash):
            return None
        hub = HubPrincipal(entry.key.hub_id, entry.key.senior_id, prefix)
        if drops == self._drops:  # else a revocation came while we read, perhaps of this key
            remember(self._proven, header, Proven(hub, entry.until), MAX_KNOWN)
        return hub

    def credential_revoked(self, kind: str, subject: str) -> None:
        self._drops += 1
        self._proven.clear()
        if kind == "hub_key":
            self._known.pop(subject, None)
        elif kind == "hub":
            self._known = {prefix: entry for prefix, entry in self._known.items() if str(entry.key.hub_id) != subject}

    def store_went_away(self) -> None:
        """Revocations cannot be heard now."""
        self._drops += 1
        self._known.clear()
        self._proven.clear()

    def _settle(self) -> None:
        """Hears the running loop's revocations. What was known on another loop went unheard since."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._lookups = GroupedCall(lambda prefixes: find_live_keys(prefixes))
            self.store_went_away()
        revocation_feed.subscribe(self)

    async def _find(self, prefix: str) -> Entry | None:
        now = time.monotonic()
        entry = self._known.get(prefix)
        if entry is not None and entry.until > now:
            return entry
        if self._unknown.get(prefix, 0.0) > now:
            return None
        drops = self._drops
        key = await self._lookups.ask(prefix)
        if key is None:
            self._known.pop(prefix, None)
            remember(self._unknown, prefix, now + UNKNOWN_FOR_S, MAX_UNKNOWN)
            return None
        lives_s = KNOWN_FOR_S if key.lives is None else min(KNOWN_FOR_S, key.lives.total_seconds())
        entry = Entry(key, now + lives_s)
        if drops == self._drops:
            remember(self._known, prefix, entry, MAX_KNOWN)
        return entry


def remember(memory: dict[K, T], name: K, value: T, limit: int) -> None:
    """Keeps `value`, forgetting the oldest beyond `limit`."""
    memory.pop(name, None)
    while len(memory) >= limit:
        del memory[next(iter(memory))]
    memory[name] = value


KEYS = KeyCache()
recognize = KEYS.recognize
authenticate = KEYS.authenticate
