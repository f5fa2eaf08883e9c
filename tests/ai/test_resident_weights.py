"""Which weights a process scores with, tick after tick."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ai.features import HOUR
from ai.models import AIWeight
from ai.object_store import write_object
from ai.resident_weights import STAND_INS, ResidentWeights, ShardWeights
from ai.weight_registry import activate_weights
from ai.weight_store import WeightStore, cache_key

from .rows import make_artifact, make_live_weights, make_senior, make_supervisor, ref_of
from .weight_files import Originals, count

if TYPE_CHECKING:
    from redis import Redis

    from seniors.models import Senior

pytestmark = [pytest.mark.django_db(databases=["default", "timeseries"]), pytest.mark.usefixtures("bucket", "redis")]


class Tick:
    """One process's look at the weights of one senior."""

    def __init__(self, redis: Redis, senior: Senior, originals: Originals | None = None) -> None:
        self.resident = ResidentWeights(WeightStore(redis, originals) if originals else WeightStore(redis))
        self.senior_ids = np.array([senior.pk])
        self.refused: dict[int, str] = {}

    def load(self, weight: AIWeight) -> ShardWeights:
        weights, self.refused = self.resident.load(0, self.senior_ids, np.array([weight.pk]))
        return weights

    def usual(self, weight: AIWeight) -> float:
        """Hours that are usual by the weights that serve while `weight` is live."""
        return float(self.load(weight).habits.anywhere[0, 0, 0] / HOUR)


def change_bytes(weight: AIWeight, data: bytes, *, is_registered: bool = True) -> None:
    """Puts other bytes into the object store, and their digest into the registry."""
    write_object(weight.storage_path, data)
    if is_registered:
        sha256 = hashlib.sha256(data).hexdigest()
        AIWeight.objects.filter(pk=weight.pk).update(sha256=sha256, size=len(data))
    weight.refresh_from_db()


def test_weights_are_fetched_once_a_version(redis: Redis) -> None:
    senior, originals = make_senior(), Originals()
    weight, tick = make_live_weights(senior, 2.0), Tick(redis, senior, originals)
    assert tick.usual(weight) == 1.0
    redis.flushdb()
    assert tick.usual(weight) == 1.0
    assert originals.reads == 1


def test_a_new_version_is_taken_at_the_next_load_and_so_is_an_old_one(redis: Redis) -> None:
    senior = make_senior()
    first, second, tick = make_live_weights(senior, 2.0), make_live_weights(senior, 4.0), Tick(redis, senior)
    assert [tick.usual(weight) for weight in (first, second, first)] == [1.0, 2.0, 1.0]


def test_seniors_who_come_and_go_get_nobody_elses_weights(redis: Redis) -> None:
    one, other, third = make_senior(), make_senior("이영희"), make_senior("정기철")
    weights = {
        senior.pk: make_live_weights(senior, hours) for senior, hours in ((one, 2.0), (other, 4.0), (third, 6.0))
    }
    resident = ResidentWeights(WeightStore(redis))
    for present in ([one, third], [one, other, third], [other, third]):
        ids = np.array([senior.pk for senior in present])
        loaded, _ = resident.load(0, ids, np.array([weights[senior.pk].pk for senior in present]))
        usual = {one.pk: 1.0, other.pk: 2.0, third.pk: 3.0}
        assert (loaded.habits.anywhere[:, 0, 0] / HOUR).tolist() == [usual[senior.pk] for senior in present]
        assert loaded.weight_ids.tolist() == [weights[senior.pk].pk for senior in present]


def test_while_the_object_store_is_away_the_resident_version_serves_and_is_counted(redis: Redis) -> None:
    senior, originals = make_senior(), Originals()
    first, second, tick = make_live_weights(senior, 2.0), make_live_weights(senior, 4.0), Tick(redis, senior, originals)
    tick.load(first)
    originals.away, before = True, count(STAND_INS)
    assert tick.usual(second) == 1.0
    assert count(STAND_INS) == before + 1


def test_a_new_process_falls_back_to_the_version_that_was_live_before(redis: Redis) -> None:
    senior, boss = make_senior(), make_supervisor()
    first, second, third = (make_live_weights(senior, hours) for hours in (2.0, 4.0, 6.0))
    activate_weights(first.pk, boss)
    activate_weights(third.pk, boss)
    change_bytes(third, b"gone wrong", is_registered=False)
    tick = Tick(redis, senior)
    assert tick.usual(third) == 1.0
    assert list(tick.refused) == [third.pk]
    assert tick.load(third).weight_ids.tolist() == [first.pk]
    assert second.pk not in tick.refused


def bombs(senior_id: int) -> list[tuple[str, bytes]]:
    good = make_artifact(senior_id, 4.0)
    newer = good.replace(b'"format":2', b'"format":9').replace(b'"format":3', b'"format":9')
    return [
        ("truncated", good[:-7]),
        ("pickle", b"cos\nsystem\n(S'touch /tmp/anbu-was-here'\ntR."),
        ("foreign", make_artifact(senior_id + 1, 4.0)),
        ("newer", newer),
        ("numbers", good[:-4] + bytes(4)),
    ]


@pytest.mark.parametrize(("name", "data"), bombs(1), ids=[name for name, _ in bombs(1)])
def test_bytes_that_are_not_weights_of_this_senior_never_serve_even_where_their_digest_is_registered(
    redis: Redis, name: str, data: bytes
) -> None:
    senior = make_senior()
    good, wrong, tick = make_live_weights(senior, 2.0), make_live_weights(senior, 3.0), Tick(redis, senior)
    tick.load(good)
    change_bytes(wrong, dict(bombs(senior.pk))[name])
    assert tick.usual(wrong) == 1.0
    assert list(tick.refused) == [wrong.pk]


def test_a_hundred_flipped_bits_in_cache_and_object_store_never_serve(redis: Redis) -> None:
    senior = make_senior()
    good, second, tick = make_live_weights(senior, 2.0), make_live_weights(senior, 4.0), Tick(redis, senior)
    data = make_artifact(senior.pk, 4.0)
    tick.load(good)
    step = 8 * len(data) // 100
    for place in range(100):
        broken = bytearray(data)
        broken[place * step // 8] ^= 1 << (place * step % 8)
        redis.flushdb()
        redis.set(cache_key(ref_of(second)), bytes(broken))
        change_bytes(second, bytes(broken), is_registered=False)
        assert tick.usual(second) == 1.0
        assert list(tick.refused) == [second.pk]
