from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from django.db.models.functions import Now

from devices import authentication, key_cache, registration
from devices.api_keys import new_key
from devices.database_threads import in_database_thread
from devices.key_cache import KeyCache, remember
from devices.models import HubKey, IoTHub

if TYPE_CHECKING:
    from devices.authentication import LiveKey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prefixes that were looked up in the database."""
    looked_up: list[str] = []
    find = authentication.find_live_key

    def find_and_count(prefix: str) -> LiveKey | None:
        looked_up.append(prefix)
        return find(prefix)

    monkeypatch.setattr(key_cache, "find_live_key", find_and_count)
    return looked_up


async def is_live(cache: KeyCache, key: str) -> bool:
    return await cache.authenticate(f"Api-Key {key}") is not None


async def until_dead(cache: KeyCache, key: str) -> None:
    async with asyncio.timeout(1.0):
        while await is_live(cache, key):
            await asyncio.sleep(0.02)


async def test_a_live_key_is_read_once(hub: IoTHub, hub_key: str, reads: list[str]) -> None:
    cache = KeyCache()
    principals = [await cache.authenticate(f"Api-Key {hub_key}") for _ in range(3)]
    assert [principal and principal.hub_id for principal in principals] == [hub.hub_id] * 3
    assert len(reads) == 1


async def test_a_known_prefix_with_a_wrong_secret_proves_nobody(hub_key: str) -> None:
    cache = KeyCache()
    assert await is_live(cache, hub_key)
    assert not await is_live(cache, hub_key.split(".")[0] + "." + new_key().key.split(".")[1])


async def test_an_unknown_key_is_asked_for_once_a_second(reads: list[str]) -> None:
    cache, key = KeyCache(), new_key("hub").key
    assert [await is_live(cache, key) for _ in range(5)] == [False] * 5
    assert len(reads) == 1


async def test_what_is_no_hub_key_is_not_asked_for(reads: list[str]) -> None:
    cache = KeyCache()
    assert await cache.authenticate("") is None
    assert await cache.authenticate(f"Api-Key {new_key('svc').key}") is None
    assert reads == []


async def test_a_rotated_key_dies_within_a_second(hub: IoTHub, hub_key: str) -> None:
    cache = KeyCache()
    assert await is_live(cache, hub_key)
    await in_database_thread(registration.rotate_key, hub, 0)
    await until_dead(cache, hub_key)


async def test_the_keys_of_a_deregistered_hub_die_within_a_second(hub: IoTHub, hub_key: str) -> None:
    cache = KeyCache()
    assert await is_live(cache, hub_key)
    await in_database_thread(registration.deregister, hub, None)
    await until_dead(cache, hub_key)


async def test_an_overlap_that_begins_is_heard_of(hub: IoTHub, hub_key: str) -> None:
    cache = KeyCache()
    assert await is_live(cache, hub_key)
    await in_database_thread(registration.rotate_key, hub, 1)
    assert await is_live(cache, hub_key)
    await asyncio.sleep(1.1)
    await until_dead(cache, hub_key)


async def test_a_key_that_dies_while_it_is_read_is_not_remembered(
    hub_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = KeyCache()
    find = authentication.find_live_key

    def find_and_be_overtaken(prefix: str) -> LiveKey | None:
        found = find(prefix)
        HubKey.objects.filter(prefix=prefix).update(revoked_at=Now())
        cache.credential_revoked("hub_key", prefix)
        return found

    monkeypatch.setattr(key_cache, "find_live_key", find_and_be_overtaken)
    assert await is_live(cache, hub_key)  # it was when it was read
    assert not await is_live(cache, hub_key)


def test_memory_forgets_the_oldest_beyond_its_limit() -> None:
    memory: dict[str, int] = {}
    for number in range(5):
        remember(memory, str(number), number, limit=3)
    assert list(memory) == ["2", "3", "4"]
