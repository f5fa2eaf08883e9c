"""Which weights a process scores with, tick after tick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ai.features import HOUR
from ai.object_store import write_object
from ai.resident_weights import STAND_INS, ResidentWeights
from ai.weight_store import WeightRef, WeightStore, cache_key

from .rows import make_artifact
from .weight_files import Originals, count, put, ref_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis

pytestmark = pytest.mark.usefixtures("bucket", "redis")


def usual_of(resident: ResidentWeights, ref: WeightRef) -> float:
    """Hours that are usual by the weights that serve when `ref` is live."""
    return float(resident.load([ref])[ref.senior_id].habits.anywhere[0, 0] / HOUR)


def test_weights_are_fetched_once_a_version(redis: Redis) -> None:
    originals, ref = Originals(), put(1, 1, 2.0)
    resident = ResidentWeights(WeightStore(redis, originals))
    assert usual_of(resident, ref) == 1.0
    redis.flushdb()
    assert usual_of(resident, ref) == 1.0
    assert originals.reads == 1


def test_a_new_version_is_taken_at_the_next_load_and_so_is_an_old_one(redis: Redis) -> None:
    resident, first, second = ResidentWeights(WeightStore(redis)), put(1, 1, 2.0), put(1, 2, 4.0)
    assert [usual_of(resident, ref) for ref in (first, second, first)] == [1.0, 2.0, 1.0]


def test_while_the_object_store_is_away_the_resident_version_serves_and_is_counted(redis: Redis) -> None:
    originals = Originals()
    resident, first, second = ResidentWeights(WeightStore(redis, originals)), put(1, 1, 2.0), put(1, 2, 4.0)
    resident.load([first])
    originals.away, before = True, count(STAND_INS)
    assert resident.load([second])[1].ref == first
    assert count(STAND_INS) == before + 1


def test_a_new_process_falls_back_to_a_version_that_was_live_before(redis: Redis) -> None:
    former, broken = put(1, 1, 2.0), put(1, 2, 4.0)._replace(storage_path="weights/1/nothing.anbu")

    def find_former(senior_ids: Sequence[int]) -> list[WeightRef]:
        return [former] if 1 in senior_ids else []

    resident = ResidentWeights(WeightStore(redis), find_former)
    assert resident.load([broken])[1].ref == former
    assert list(resident.refusals) == [broken.weight_id]


def bombs() -> list[tuple[str, bytes]]:
    good = make_artifact(1, 4.0)
    newer = good.replace(b'"format":2', b'"format":9').replace(b'"format":3', b'"format":9')
    return [
        ("truncated", good[:-7]),
        ("pickle", b"cos\nsystem\n(S'touch /tmp/anbu-was-here'\ntR."),
        ("foreign", make_artifact(2, 4.0)),
        ("newer", newer),
    ]


@pytest.mark.parametrize(("name", "data"), bombs(), ids=[name for name, _ in bombs()])
def test_bytes_that_are_not_weights_of_this_senior_never_serve_even_where_their_digest_is_registered(
    redis: Redis, name: str, data: bytes
) -> None:
    good, path = put(1, 1, 2.0), f"weights/1/{name}"
    write_object(path, data)
    wrong = ref_to(data, 1, 2, path)
    resident = ResidentWeights(WeightStore(redis))
    resident.load([good])
    assert resident.load([wrong])[1].ref == good
    assert list(resident.refusals) == [wrong.weight_id]


def test_a_hundred_flipped_bits_in_cache_and_object_store_never_serve(redis: Redis) -> None:
    good, second = put(1, 1, 2.0), put(1, 2, 4.0)
    data = make_artifact(1, 4.0)
    resident = ResidentWeights(WeightStore(redis))
    resident.load([good])
    step = 8 * len(data) // 100
    for place in range(100):
        broken = bytearray(data)
        broken[place * step // 8] ^= 1 << (place * step % 8)
        redis.flushdb()
        redis.set(cache_key(second), bytes(broken))
        write_object(second.storage_path, bytes(broken))
        assert resident.load([second])[1].ref == good
        assert list(resident.refusals) == [second.weight_id]
