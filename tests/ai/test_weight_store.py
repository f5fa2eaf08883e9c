"""Where the bytes of weights come from, which are believed, and what happens while a store is away."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ai import weight_store
from ai.artifact import LARGEST
from ai.object_store import ObjectMissing, ObjectStoreAway, read_object, write_object
from ai.weight_store import LOOKUPS, ORIGINALS, WeightStore, cache_key

from .rows import make_artifact
from .weight_files import Originals, count, put

if TYPE_CHECKING:
    from ai.weight_store import WeightRef

pytestmark = pytest.mark.usefixtures("bucket", "redis")

WORKERS = 50


def gone() -> Redis:
    return Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))


def original(ref: WeightRef) -> bytes:
    return read_object(ref.storage_path, LARGEST)


def test_a_miss_reads_the_original_and_fills_the_cache(redis: Redis) -> None:
    originals, ref, before = Originals(), put(1, 1), count(LOOKUPS, "miss")
    assert WeightStore(redis, originals).fetch([ref]).data == {ref.weight_id: original(ref)}
    assert originals.reads == 1
    assert count(LOOKUPS, "miss") == before + 1
    assert redis.get(cache_key(ref)) == original(ref)
    assert 6 * 86400 < redis.ttl(cache_key(ref)) <= 7 * 86400  # type: ignore[operator]  # redis-py's union with awaitables


def test_a_hit_does_not_ask_the_object_store(redis: Redis) -> None:
    ref, before = put(1, 1), count(LOOKUPS, "hit")
    WeightStore(redis).fetch([ref])
    originals = Originals()
    assert WeightStore(redis, originals).fetch([ref]).data == {ref.weight_id: original(ref)}
    assert originals.reads == 0
    assert count(LOOKUPS, "hit") == before + 1


@pytest.mark.parametrize("poison", [b"", b"\x80\x04\x95bomb", make_artifact(1, 3.0), make_artifact(2, 2.0)])
def test_a_cache_entry_with_another_digest_is_dropped_and_the_original_read(redis: Redis, poison: bytes) -> None:
    ref, before = put(1, 1), count(LOOKUPS, "corrupt")
    redis.set(cache_key(ref), poison)
    assert WeightStore(redis).fetch([ref]).data == {ref.weight_id: original(ref)}
    assert count(LOOKUPS, "corrupt") == before + 1
    assert redis.get(cache_key(ref)) == original(ref)


def test_fifty_workers_on_one_cold_key_read_the_original_once() -> None:
    ref, originals, together = put(1, 1), Originals(delay=0.2), threading.Barrier(WORKERS)

    def work(_: int) -> bytes:
        store = WeightStore(Redis.from_url(settings.REDIS_URL), originals)
        together.wait(timeout=30)
        return store.fetch([ref]).data[ref.weight_id]

    with ThreadPoolExecutor(WORKERS) as pool:
        assert set(pool.map(work, range(WORKERS))) == {original(ref)}
    assert originals.reads == 1


def test_a_reader_that_died_holds_up_the_others_no_longer_than_its_flight(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = put(1, 1)
    redis.set(f"weights:flight:{ref.weight_id}", 1, px=300)
    assert WeightStore(redis).fetch([ref]).data == {ref.weight_id: original(ref)}


def test_what_somebody_else_is_still_reading_is_not_here_yet_and_not_refused(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, originals = put(1, 1), Originals()
    monkeypatch.setattr(weight_store, "PATIENCE_SECONDS", 0.1)
    redis.set(f"weights:flight:{ref.weight_id}", 1, px=60_000)
    assert WeightStore(redis, originals).fetch([ref]) == ({}, {})
    assert originals.reads == 0


def test_with_the_object_store_away_what_is_cached_serves_and_the_rest_is_asked_for_later(redis: Redis) -> None:
    originals, cached, absent = Originals(), put(1, 1), put(2, 1)
    store = WeightStore(redis, originals)
    store.fetch([cached])
    originals.away, before = True, count(ORIGINALS, "away")
    assert store.fetch([cached, absent]) == ({cached.weight_id: original(cached)}, {})
    assert count(ORIGINALS, "away") == before + 1
    originals.away = False
    assert WeightStore(redis, originals).fetch([absent]).data == {absent.weight_id: original(absent)}


def test_a_store_that_is_away_is_not_asked_by_every_tick(redis: Redis) -> None:
    originals = Originals()
    originals.away = True
    store = WeightStore(redis, originals)
    for _ in range(3):
        store.fetch([put(1, 1)])
    assert originals.reads == 1


def test_an_original_that_was_tampered_with_is_never_used(redis: Redis) -> None:
    ref, before = put(1, 1), count(ORIGINALS, "refused")
    write_object(ref.storage_path, make_artifact(1, 11.0))
    fetched = WeightStore(redis).fetch([ref])
    assert fetched.data == {}
    assert "SHA-256" in fetched.refused[ref.weight_id]
    assert count(ORIGINALS, "refused") == before + 1
    assert redis.get(cache_key(ref)) is None


def test_what_was_refused_is_remembered_by_all_for_a_minute(redis: Redis) -> None:
    originals, ref = Originals(), put(1, 1)._replace(storage_path="weights/1/nothing.anbu")
    for _ in range(3):
        assert list(WeightStore(redis, originals).fetch([ref]).refused) == [ref.weight_id]
    assert originals.reads == 1
    assert 50 < redis.ttl(f"weights:refused:{ref.weight_id}") <= 60  # type: ignore[operator]  # redis-py's union with awaitables


def test_with_redis_away_the_originals_serve_and_what_is_wrong_is_not_asked_for_again() -> None:
    originals, good, wrong = Originals(), put(1, 1), put(2, 1)._replace(storage_path="weights/2/nothing.anbu")
    store = WeightStore(gone(), originals)
    for _ in range(2):
        fetched = store.fetch([good, wrong])
        assert (list(fetched.data), list(fetched.refused)) == ([good.weight_id], [wrong.weight_id])
    assert originals.reads == 3


def test_a_redis_that_goes_away_in_between_costs_no_weights(redis: Redis) -> None:
    class Leaving(Originals):
        def __call__(self, path: str, most: int) -> bytes:
            redis.connection_pool.connection_kwargs["port"] = 1
            redis.connection_pool.disconnect()
            return super().__call__(path, most)

    port = redis.connection_pool.connection_kwargs["port"]
    refs = [put(1, 1), put(2, 1)]
    try:
        assert len(WeightStore(redis, Leaving()).fetch(refs).data) == 2
    finally:
        redis.connection_pool.connection_kwargs["port"] = port


def test_hundreds_of_seniors_come_in_chunks_and_each_gets_their_own(redis: Redis) -> None:
    refs = [put(senior_id, 1, 0.5 + senior_id % 20 / 2) for senior_id in range(1, 121)]
    WeightStore(redis).fetch(refs)
    originals = Originals()
    fetched = WeightStore(redis, originals).fetch(refs)
    assert originals.reads == 0
    assert fetched.data == {ref.weight_id: original(ref) for ref in refs}


def test_a_cold_cache_takes_no_more_than_the_patience_of_a_tick(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_store, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(weight_store, "CHUNK", 5)
    refs = [put(senior_id, 1) for senior_id in range(1, 41)]
    store, began = WeightStore(redis, Originals(delay=0.1)), time.monotonic()
    fetched = store.fetch(refs)
    assert 0 < len(fetched.data) < len(refs)
    assert time.monotonic() - began < 5
    monkeypatch.setattr(weight_store, "PATIENCE_SECONDS", 30.0)
    assert len(store.fetch(refs).data) == len(refs)


def test_a_missing_object_and_an_absent_store_are_told_apart(settings: Any, bucket: Any) -> None:
    with pytest.raises(ObjectMissing):
        read_object("weights/1/never.anbu", LARGEST)
    options = {**settings.STORAGES["weights"]["OPTIONS"], "endpoint_url": "http://127.0.0.1:1"}
    settings.STORAGES = {**settings.STORAGES, "weights": {**settings.STORAGES["weights"], "OPTIONS": options}}
    with pytest.raises(ObjectStoreAway):
        read_object("weights/1/never.anbu", LARGEST)


def test_a_huge_object_is_read_no_further_than_the_cap(bucket: Any) -> None:
    write_object("weights/1/huge.anbu", bytes(1_000_000))
    assert len(read_object("weights/1/huge.anbu", LARGEST)) == LARGEST + 1
