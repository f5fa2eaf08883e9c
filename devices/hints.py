"""Hints over Redis publish/subscribe: "rows changed, look now". Losing one costs the listener its own interval."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

import redis
import redis.asyncio
import structlog
from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Iterable

log = structlog.get_logger(__name__)
STAFF_FEED = "hint:staff-feed"
HUB_LINK = "hint:hub-link"
REVOCATIONS = "hint:revocations"


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


def send_hint(channel: str) -> None:
    """Wakes the listeners of `channel` now. Redis away is no error: they look by themselves soon."""
    try:
        _client().publish(channel, b"1")
    except (RedisError, OSError) as error:
        log.info("hint not sent", channel=channel, error=str(error))


def send_hint_on_commit(channel: str) -> None:
    """`send_hint` once the current transaction of the default database is durable."""
    transaction.on_commit(lambda: send_hint(channel))


async def listen(channels: Iterable[str], wake: asyncio.Event) -> None:
    """Sets `wake` on each hint, for ever; while Redis is away it tries again each second."""
    names = list(channels)
    while True:
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, health_check_interval=10)
        try:
            async with client.pubsub() as pubsub:
                await pubsub.subscribe(*names)
                async for message in pubsub.listen():
                    if message["type"] == "message":
                        wake.set()
        except (RedisError, OSError) as error:
            log.info("hints are away", error=str(error))
        finally:
            await client.aclose()
        await asyncio.sleep(1)


async def wait(wake: asyncio.Event, at_most_s: float) -> None:
    """Returns at the next hint, or after `at_most_s` seconds without one."""
    with suppress(TimeoutError):
        await asyncio.wait_for(wake.wait(), at_most_s)
    wake.clear()
