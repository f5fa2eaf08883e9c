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
    from collections.abc import Iterable

    from devices.authentication import LiveKey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prefixes that were looked up in the database."""
    looked_up: list[str] = []
    find = authentication.find_live_keys

    def find_and_count(prefixes: Iterable[str]) -> dict[str, LiveKey]:
        asked = list(prefixes)
        looked_up.extend(asked)
        return find(asked)

    monkeypatch.setattr(key_cache, "find_live_keys", find_and_count)
    return looked_up


async def is_live(cache: KeyCache, key: str) -> bool:
    return await cache.authenticate(f"Api-Key {key}".encode()) is not None


async def until_dead(cache: KeyCache, key: str) -> None:
    async with asyncio.timeout(1.0):
        while await is_live(cache, key):
            await asyncio.sleep(0.02)


async def test_a_live_key_is_read_once(hub: IoTHub, hub_key: str, reads: list[str]) -> None:
    cache = KeyCache()
    principals = [await cache.authenticate(f"Api-Key {hub_key}".encode()) for _ in range(3)]
    assert [principal and principal.hub_id for principal in principals] == [hub.hub_id] * 3
    assert len(reads) == 1


async def test_many_keys_at_once_are_read_together(hub_key: str, monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    asked: list[int] = []
    find = authentication.find_live_keys

    def find_and_count(prefixes: Iterable[str]) -> dict[str, LiveKey]:
        known = list(prefixes)
        asked.append(len(known))
        return find(known)

    monkeypatch.setattr(key_cache, "find_live_keys", find_and_count)
    cache = KeyCache()
    strangers = [new_key("hub").key for _ in range(20)]
    found = await asyncio.gather(*(is_live(cache, key) for key in [hub_key, *strangers]))
    assert found == [True] + [False] * 20
    assert sum(asked) == 21
    assert len(asked) <= 2


async def test_a_header_that_proved_itself_is_recognized_until_a_revocation(hub: IoTHub, hub_key: str) -> None:
    cache, header = KeyCache(), f"Api-Key {hub_key}".encode()
    assert cache.recognize(header) is None
    await cache.authenticate(header)
    recognized = cache.recognize(header)
    assert recognized is not None
    assert recognized.hub_id == hub.hub_id
    assert cache.recognize(header + b"x") is None
    await in_database_thread(registration.rotate_key, hub, 0)
    async with asyncio.timeout(1.0):
        while cache.recognize(header):
            await asyncio.sleep(0.02)


def test_nothing_is_recognized_on_another_loop(hub_key: str) -> None:
    """Its revocations went to nobody there."""
    cache, header = KeyCache(), f"Api-Key {hub_key}".encode()
    assert asyncio.run(cache.authenticate(header)) is not None

    async def recognize() -> object:
        return cache.recognize(header)

    assert asyncio.run(recognize()) is None


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
    assert await cache.authenticate(b"") is None
    assert await cache.authenticate(f"Api-Key {new_key('svc').key}".encode()) is None
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
    find = authentication.find_live_keys

    def find_and_be_overtaken(prefixes: Iterable[str]) -> dict[str, LiveKey]:
        found = find(prefixes)
        for prefix in found:
            HubKey.objects.filter(prefix=prefix).update(revoked_at=Now())
            cache.credential_revoked("hub_key", prefix)
        return found

    monkeypatch.setattr(key_cache, "find_live_keys", find_and_be_overtaken)
    assert await is_live(cache, hub_key)  # it was when it was read
    assert not await is_live(cache, hub_key)


def test_memory_forgets_the_oldest_beyond_its_limit() -> None:
    memory: dict[str, int] = {}
    for number in range(5):
        remember(memory, str(number), number, limit=3)
    assert list(memory) == ["2", "3", "4"]
