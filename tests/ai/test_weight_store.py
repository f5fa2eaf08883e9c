"""Where weights come from, which bytes are believed, and what serves while a store is away."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ai.artifact import LARGEST
from ai.features import HOUR
from ai.object_store import ObjectMissing, ObjectStoreAway, read_object, write_object
from ai.weight_store import LOOKUPS, ORIGINALS, STAND_INS, WeightRef, WeightStore, cache_key

from .rows import make_artifact

if TYPE_CHECKING:
    from prometheus_client import Counter

pytestmark = pytest.mark.usefixtures("bucket", "redis")


class Originals:
    """Reads the real object store, counts, and can be away."""

    def __init__(self) -> None:
        self.reads = 0
        self.away = False

    def __call__(self, path: str, most: int) -> bytes:
        self.reads += 1
        if self.away:
            raise ObjectStoreAway("gone")
        return read_object(path, most)


def put(senior_id: int, version: int, allowed_hours: float = 2.0) -> WeightRef:
    data = make_artifact(senior_id, allowed_hours)
    path = f"weights/{senior_id}/{version}.anbu"
    write_object(path, data)
    return WeightRef(senior_id * 10 + version, senior_id, version, path, hashlib.sha256(data).hexdigest(), len(data))


def count(counter: Counter, *labels: str) -> float:
    child: Any = counter.labels(*labels) if labels else counter
    return float(child._value.get())


def test_a_miss_reads_the_original_once_and_fills_the_cache(redis: Redis) -> None:
    originals, ref, before = Originals(), put(1, 1), count(LOOKUPS, "miss")
    store = WeightStore(redis, originals)
    assert store.load([ref])[1].habits.anywhere[0, 0] == 1 * HOUR
    assert store.load([ref])[1].ref == ref
    assert originals.reads == 1
    assert count(LOOKUPS, "miss") == before + 1
    assert redis.get(cache_key(ref)) == read_object(ref.storage_path, LARGEST)
    assert 6 * 86400 < redis.ttl(cache_key(ref)) <= 7 * 86400  # type: ignore[operator]  # redis-py's union with awaitables


def test_a_hit_does_not_ask_the_object_store(redis: Redis) -> None:
    ref, before = put(1, 1), count(LOOKUPS, "hit")
    WeightStore(redis).load([ref])
    originals = Originals()
    assert WeightStore(redis, originals).load([ref])[1].ref == ref
    assert originals.reads == 0
    assert count(LOOKUPS, "hit") == before + 1


@pytest.mark.parametrize("poison", [b"", b"\x80\x04\x95bomb", make_artifact(1, 3.0), make_artifact(2, 2.0)])
def test_a_cache_entry_with_another_digest_is_dropped_and_the_original_read(redis: Redis, poison: bytes) -> None:
    ref, before = put(1, 1), count(LOOKUPS, "corrupt")
    redis.set(cache_key(ref), poison)
    assert WeightStore(redis).load([ref])[1].habits.anywhere[0, 0] == 1 * HOUR
    assert count(LOOKUPS, "corrupt") == before + 1
    assert redis.get(cache_key(ref)) == read_object(ref.storage_path, LARGEST)


def test_a_new_version_is_taken_at_the_next_load(redis: Redis) -> None:
    store = WeightStore(redis)
    store.load([put(1, 1, 2.0)])
    assert store.load([put(1, 2, 4.0)])[1].habits.anywhere[0, 0] == 2 * HOUR


def test_going_back_to_an_old_version_takes_the_old_numbers(redis: Redis) -> None:
    store, first, second = WeightStore(redis), put(1, 1, 2.0), put(1, 2, 4.0)
    for ref in (first, second, first):
        loaded = store.load([ref])
    assert loaded[1].habits.anywhere[0, 0] == 1 * HOUR


def test_with_the_object_store_away_the_last_good_version_serves_and_is_counted(redis: Redis) -> None:
    originals = Originals()
    store, first, second = WeightStore(redis, originals), put(1, 1), put(1, 2, 4.0)
    store.load([first])
    originals.away, before = True, count(STAND_INS)
    assert store.load([second])[1].ref == first
    assert count(STAND_INS) == before + 1
    originals.away = False
    assert store.load([second])[1].ref == second


def test_an_original_that_was_tampered_with_is_never_used(redis: Redis) -> None:
    ref, before = put(1, 1), count(ORIGINALS, "refused")
    write_object(ref.storage_path, make_artifact(1, 11.0))
    assert WeightStore(redis).load([ref]) == {}
    assert count(ORIGINALS, "refused") == before + 1
    assert redis.get(cache_key(ref)) is None


def test_a_refused_original_is_not_asked_for_at_every_tick(redis: Redis) -> None:
    originals, ref = Originals(), put(1, 1)._replace(storage_path="weights/1/nothing.anbu")
    store = WeightStore(redis, originals)
    for _ in range(3):
        store.load([ref])
    assert originals.reads == 1


def test_with_redis_away_the_originals_serve() -> None:
    gone = Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    loaded = WeightStore(gone).load([put(1, 1), put(2, 1)])
    assert sorted(loaded) == [1, 2]


def test_hundreds_of_seniors_come_in_chunks_and_each_gets_their_own(redis: Redis) -> None:
    refs = [put(senior_id, 1, 0.5 + senior_id % 20 / 2) for senior_id in range(1, 121)]
    WeightStore(redis).load(refs)
    originals = Originals()
    loaded = WeightStore(redis, originals).load(refs)
    assert originals.reads == 0
    allowed = np.array([loaded[senior_id].habits.anywhere[0, 5] / HOUR * 2 for senior_id in range(1, 121)])
    assert np.allclose(allowed, [0.5 + senior_id % 20 / 2 for senior_id in range(1, 121)])


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
