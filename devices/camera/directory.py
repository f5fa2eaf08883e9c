"""Who is there to talk to, in Redis: relays, the web processes' inboxes, and which relay has which home.

Everything here ends by itself when its owner stops saying it. Methods raise RedisError or OSError while Redis is away.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import redis.asyncio
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

LASTS_MS = 3000
SAY_EVERY_S = 1.0
RELAYS = "camera:relays"


def relay_channel(relay_id: str) -> str:
    return f"camera-relay.{relay_id}"


def choose_relay(hub_id: int, relay_ids: Iterable[str]) -> str | None:
    """The home's relay among these, the same for whoever asks; few homes move when one comes or goes."""
    return max(relay_ids, key=lambda relay_id: hashlib.sha256(f"{hub_id}:{relay_id}".encode()).digest(), default=None)


class Directory:
    def __init__(self) -> None:
        self._redis = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, decode_responses=True, socket_timeout=2, socket_connect_timeout=2
        )

    async def announce_relay(self, relay_id: str, hub_ids: Collection[int]) -> list[int]:
        """Says that this relay lives and has these homes; returns those that another one has by now."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.sadd(RELAYS, relay_id)
            pipe.set(f"camera:relay:{relay_id}", "1", px=LASTS_MS)
            for hub_id in hub_ids:
                pipe.set(f"camera:home:{hub_id}", relay_id, nx=True)
                pipe.get(f"camera:home:{hub_id}")
                pipe.pexpire(f"camera:home:{hub_id}", LASTS_MS)
            answers = await pipe.execute()
        owners = answers[3::3]
        return [hub_id for hub_id, owner in zip(hub_ids, owners, strict=True) if owner != relay_id]

    async def withdraw_relay(self, relay_id: str, hub_ids: Collection[int]) -> None:
        names = [f"camera:home:{hub_id}" for hub_id in hub_ids]
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.srem(RELAYS, relay_id)
            pipe.delete(f"camera:relay:{relay_id}", *names)
            await pipe.execute()

    async def claim(self, hub_id: int, relay_id: str) -> str:
        """The relay that has this home: `relay_id`, unless another one that lives has it already."""
        name = f"camera:home:{hub_id}"
        if await self._redis.set(name, relay_id, nx=True, px=LASTS_MS):
            return relay_id
        owner = await self.owner(hub_id)
        if (
            owner is None
        ):  # it died, and its claim has not run out yet; of two who take it one gives way when it says so
            await self._redis.set(name, relay_id, px=LASTS_MS)
        return owner or relay_id

    async def release(self, hub_id: int) -> None:
        await self._redis.delete(f"camera:home:{hub_id}")

    async def live_relays(self) -> list[str]:
        members: set[str] = await self._redis.smembers(RELAYS)  # type: ignore[misc]  # redis-py types it for both worlds
        names = sorted(members)
        if not names:
            return []
        alive = await self._redis.mget([f"camera:relay:{name}" for name in names])
        dead = [name for name, value in zip(names, alive, strict=True) if value is None]
        if dead:
            await self._redis.srem(RELAYS, *dead)  # type: ignore[misc]
        return [name for name in names if name not in dead]

    async def owner(self, hub_id: int) -> str | None:
        """The live relay that has this home already."""
        owner = await self._redis.get(f"camera:home:{hub_id}")
        return str(owner) if owner and await self._redis.exists(f"camera:relay:{owner}") else None

    async def find_relay(self, hub_id: int) -> str | None:
        """The relay to ask about this home; None when none is there."""
        return await self.owner(hub_id) or choose_relay(hub_id, await self.live_relays())

    async def announce_inbox(self, channel: str) -> None:
        await self._redis.set(f"camera:inbox:{channel}", "1", px=LASTS_MS)

    async def dead_inboxes(self, channels: Collection[str]) -> set[str]:
        names = list(channels)
        if not names:
            return set()
        alive = await self._redis.mget([f"camera:inbox:{name}" for name in names])
        return {name for name, value in zip(names, alive, strict=True) if value is None}

    async def close(self) -> None:
        await self._redis.aclose()
