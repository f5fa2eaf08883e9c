"""Who may write a shard's state, and what is made of a state that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ai.shard_state import LEASE_MS, LeaseLost, ShardLease, ShardState, take_lease

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
    assert 0 < redis.pttl("score:lease:0") <= LEASE_MS < 10_000  # type: ignore[operator]  # redis-py's union with awaitables


def make_state(*senior_ids: int, txid: int = 77) -> ShardState:
    state = ShardState.empty(2, np.array(senior_ids, dtype=np.int64))
    state.txid = txid
    state.tracks["seen"][:, 0] = [1000.5 + senior_id for senior_id in senior_ids]
    state.book["gist"] = list(senior_ids)
    return state


def test_the_state_comes_back_as_it_was_written(redis: Redis) -> None:
    state, lease = make_state(3, 5), take(redis)
    lease.write_state(state)
    lease.release()
    again = take(redis)
    read = again.read_state(2)
    assert read is not None
    assert (read.txid, read.senior_ids.tolist()) == (77, [3, 5])
    assert (read.tracks.tobytes(), read.book.tobytes()) == (state.tracks.tobytes(), state.book.tobytes())
    assert again.read_fence() == lease.fence


def test_seniors_who_come_and_go_keep_nobody_elses_state() -> None:
    state = make_state(3, 5, 8)
    state.align(np.array([2, 5, 8, 9]))
    assert state.book["gist"].tolist() == [0, 5, 8, 0]
    assert state.tracks["seen"][:, 0].tolist() == [0, 1005.5, 1008.5, 0]


def test_a_worker_that_lost_its_lease_does_not_write(redis: Redis) -> None:
    slow = take(redis)
    redis.delete("score:lease:0")
    quick = take(redis)
    quick.write_state(make_state(3, txid=2))
    with pytest.raises(LeaseLost):
        slow.write_state(make_state(3, txid=1))
    with pytest.raises(LeaseLost):
        slow.renew()
    state = quick.read_state(2)
    assert state is not None
    assert state.txid == 2


def test_a_redis_that_was_emptied_in_the_middle_of_a_tick_does_not_shut_out_the_next_ones(redis: Redis) -> None:
    for _ in range(20):
        take(redis).release()
    slow = take(redis)
    redis.flushdb()
    with pytest.raises(LeaseLost):
        slow.write_state(make_state(3))
    slow.release()
    take(redis).write_state(make_state(3))


def test_a_tick_that_takes_long_keeps_its_turn(redis: Redis) -> None:
    lease = take(redis)
    redis.pexpire("score:lease:0", 50)
    lease.renew()
    assert redis.pttl("score:lease:0") > 1000  # type: ignore[operator]  # redis-py's union with awaitables


def test_a_worker_that_lost_its_lease_does_not_release_anothers(redis: Redis) -> None:
    slow = take(redis)
    redis.delete("score:lease:0")
    take(redis)
    slow.release()
    assert take_lease(redis, 0) is None


@pytest.mark.parametrize(
    ("field", "data"), [("tracks", b"\xc1"), ("book", b""), ("format", b"x"), ("senior_ids", b"1")]
)
def test_an_unreadable_state_is_a_lost_one(redis: Redis, field: str, data: bytes) -> None:
    lease = take(redis)
    lease.write_state(make_state(3, 5))
    redis.hset("score:state:0", mapping={field: data})
    assert lease.read_state(2) is None


def test_a_state_that_is_not_there_is_a_lost_one(redis: Redis) -> None:
    lease = take(redis)
    assert (lease.read_state(2), lease.read_fence()) == (None, 0)


def test_a_state_cut_into_other_shards_is_a_lost_one(redis: Redis) -> None:
    lease = take(redis)
    lease.write_state(make_state(3))
    assert lease.read_state(3) is None
