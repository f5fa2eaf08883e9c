"""What a shard remembers between ticks, in one Redis value, and the lease that makes one worker its writer.

    score:fence:{shard}   a counter: each lease has a higher number than all before it
    score:lease:{shard}   the number of the lease that runs, with a time to live
    score:state:{shard}   the state, with the number of the lease that wrote it

A worker that lost its lease without noticing has a lower number and is refused. Everything here can be lost: the state
is built anew from `sensor_logs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
from redis.exceptions import WatchError

if TYPE_CHECKING:
    from redis import Redis

LEASE_SECONDS = 15
STATE_SECONDS = 24 * 3600
FORMAT = 2


class Remembered(msgspec.Struct, array_like=True):
    """Per senior. Times are epoch seconds, 0 for never.

    `out`: a door was (nearly) the last that was heard. `said` is what was last reported to the backend, `published_at`
    the last publication of the present emergency, `settled_at` the time before which a hub that came back is still
    delivering what it kept.
    """

    last_event: float = 0.0
    said: str = ""
    published_at: float = 0.0
    settled_at: float = 0.0
    was_online: bool = False
    out: bool = False


class ShardState(msgspec.Struct):
    """`txid`: where the reading of batches goes on. `reported_at`: when all risks were last reported."""

    shards: int
    txid: int
    reported_at: float = 0.0
    seniors: dict[int, Remembered] = msgspec.field(default_factory=dict)
    format: int = FORMAT


class LeaseLost(RuntimeError):
    """Another worker took the shard over: what this one wanted to write is dropped."""


class ShardLease:
    """One worker's turn at a shard."""

    def __init__(self, redis: Redis, shard: int, fence: int) -> None:
        self._redis = redis
        self._lease = f"score:lease:{shard}"
        self._state = f"score:state:{shard}"
        self.fence = fence

    def read_state(self, shards: int) -> ShardState | None:
        """The state, or None when it is lost, unreadable, of another format or cut into other shards."""
        # redis-py types every answer as perhaps awaitable
        data = cast("bytes | None", self._redis.hget(self._state, "state"))
        if data is None:
            return None
        try:
            state = msgspec.msgpack.decode(data, type=ShardState)
        except msgspec.DecodeError:
            return None
        return state if state.format == FORMAT and state.shards == shards else None

    def write_state(self, state: ShardState) -> None:
        """Raises LeaseLost when a younger lease has written already."""
        pipe: Any
        with self._redis.pipeline() as pipe:
            try:
                pipe.watch(self._state)
                if int(pipe.hget(self._state, "fence") or 0) > self.fence:
                    raise LeaseLost(self._state)
                pipe.multi()
                pipe.hset(self._state, mapping={"fence": self.fence, "state": msgspec.msgpack.encode(state)})
                pipe.expire(self._state, STATE_SECONDS)
                pipe.execute()
            except WatchError as error:
                raise LeaseLost(self._state) from error

    def release(self) -> None:
        """Gives the shard back, if it is still ours."""
        pipe: Any
        with self._redis.pipeline() as pipe:
            try:
                pipe.watch(self._lease)
                if int(pipe.get(self._lease) or 0) == self.fence:
                    pipe.multi()
                    pipe.delete(self._lease)
                    pipe.execute()
            except WatchError:
                return


def take_lease(redis: Redis, shard: int) -> ShardLease | None:
    """A lease of 15 s, or None while another worker has the shard."""
    fence = cast("int", redis.incr(f"score:fence:{shard}"))
    if not redis.set(f"score:lease:{shard}", fence, nx=True, ex=LEASE_SECONDS):
        return None
    return ShardLease(redis, shard, fence)
