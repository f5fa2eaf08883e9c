"""Who may write a shard's state, and what is made of a state that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ai.shard_state import LEASE_SECONDS, LeaseLost, Remembered, ShardLease, ShardState, take_lease

if TYPE_CHECKING:
    from redis import Redis


def take(redis: Redis, shard: int = 0) -> ShardLease:
    lease = take_lease(redis, shard)
    assert lease is not None
    return lease


def test_only_one_worker_has_a_shard_at_a_time(redis: Redis) -> None:
    lease = take(redis)
    assert take_lease(redis, 0) is None
    assert take_lease(redis, 1) is not None
    lease.release()
    assert take_lease(redis, 0) is not None


def test_a_lease_of_a_dead_worker_ends_by_itself(redis: Redis) -> None:
    take(redis)
    assert 0 < redis.ttl("score:lease:0") <= LEASE_SECONDS  # type: ignore[operator]  # redis-py's union with awaitables


def test_the_state_comes_back_as_it_was_written(redis: Redis) -> None:
    state = ShardState(shards=2, txid=77, reported_at=5.5, seniors={3: Remembered(1.25, "watch", 2.5, 3.5, True)})
    lease = take(redis)
    lease.write_state(state)
    lease.release()
    assert take(redis).read_state(2) == state


def test_a_worker_that_lost_its_lease_does_not_write(redis: Redis) -> None:
    slow = take(redis)
    redis.delete("score:lease:0")
    quick = take(redis)
    quick.write_state(ShardState(shards=2, txid=2))
    with pytest.raises(LeaseLost):
        slow.write_state(ShardState(shards=2, txid=1))
    state = quick.read_state(2)
    assert state is not None
    assert state.txid == 2


def test_a_worker_that_lost_its_lease_does_not_release_anothers(redis: Redis) -> None:
    slow = take(redis)
    redis.delete("score:lease:0")
    take(redis)
    slow.release()
    assert take_lease(redis, 0) is None


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x81\xa4", b"not a state", b"\x80"])
def test_an_unreadable_state_is_a_lost_one(redis: Redis, data: bytes) -> None:
    redis.hset("score:state:0", mapping={"fence": 0, "state": data})
    assert take(redis).read_state(2) is None


def test_a_state_cut_into_other_shards_is_a_lost_one(redis: Redis) -> None:
    lease = take(redis)
    lease.write_state(ShardState(shards=2, txid=1))
    assert lease.read_state(3) is None
