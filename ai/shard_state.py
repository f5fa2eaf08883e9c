"""What a shard remembers between ticks, in one Redis hash, and the lease that makes one worker its writer.

    score:fence:{shard}   a counter: each lease has a higher number than all before it
    score:lease:{shard}   the number of the lease that runs, with a time to live
    score:state:{shard}   the state, with the number of the lease that wrote it

A worker that lost its lease without noticing has a lower number and is refused. A lease ends before the second tick
after its worker died. Everything here can be lost: the state is built anew from `sensor_logs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from redis.exceptions import WatchError

from .findings import RAISED
from .tracks import TRACK, TRACK_FORMAT, Tracks, empty_tracks

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from redis import Redis

LEASE_MS = 8_000
STATE_SECONDS = 24 * 3600
BOOK = np.dtype(
    [
        ("gist", "<i8"),
        ("episode", "<f8", (RAISED,)),
        ("published_at", "<f8", (RAISED,)),
        ("reported_at", "<f8"),
        ("settled_at", "<f8"),
        ("was_online", "?"),
    ]
)
_HEAD = ("format", "shards", "txid")


@dataclass
class ShardState:
    """Rows of seniors in the order of their ids. Times of the book are epoch seconds, 0 for never.

    `txid`: where the reading of batches goes on. Of the book, `gist` is what was last reported to the backend and
    `reported_at` when; `episode` the starts of what was last published (see findings.RAISED) and `published_at` when;
    `settled_at` the time before which a hub that came back is still delivering what it kept.
    """

    shards: int
    txid: int
    senior_ids: NDArray[np.int64]
    tracks: Tracks
    book: NDArray[Any]

    @classmethod
    def empty(cls, shards: int, senior_ids: NDArray[np.int64]) -> ShardState:
        n = senior_ids.size
        return cls(shards, 0, senior_ids, empty_tracks(n), np.zeros(n, dtype=BOOK))

    def align(self, senior_ids: NDArray[np.int64]) -> None:
        """Gives each of these seniors a row, an empty one to who is new; the others' are dropped."""
        if np.array_equal(senior_ids, self.senior_ids):
            return
        known = np.isin(senior_ids, self.senior_ids)
        rows = np.searchsorted(self.senior_ids, senior_ids[known])
        aligned = ShardState.empty(self.shards, senior_ids)
        aligned.tracks[known], aligned.book[known] = self.tracks[rows], self.book[rows]
        self.senior_ids, self.tracks, self.book = senior_ids, aligned.tracks, aligned.book


class LeaseLost(RuntimeError):
    """Another worker took the shard over: what this one wanted to write is dropped."""


class ShardLease:
    """One worker's turn at a shard."""

    def __init__(self, redis: Redis, shard: int, fence: int) -> None:
        self._redis = redis
        self._lease = f"score:lease:{shard}"
        self._state = f"score:state:{shard}"
        self.fence = fence

    def read_fence(self) -> int:
        """The number of the lease that wrote the state, 0 when there is none."""
        return int(cast("bytes | None", self._redis.hget(self._state, "fence")) or 0)

    def read_state(self, shards: int) -> ShardState | None:
        """The state, or None when it is lost, unreadable, of another format or cut into other shards."""
        fields = cast("dict[bytes, bytes]", self._redis.hgetall(self._state))
        try:
            form, cut, txid = (int(fields[name.encode()]) for name in _HEAD)
            if (form, cut) != (TRACK_FORMAT, shards):
                return None
            senior_ids = np.frombuffer(fields[b"senior_ids"], "<i4").astype(np.int64)
            tracks = np.frombuffer(fields[b"tracks"], TRACK).copy()
            book = np.frombuffer(fields[b"book"], BOOK).copy()
        except (KeyError, ValueError):
            return None
        if not senior_ids.size == tracks.size == book.size:
            return None
        return ShardState(shards, txid, senior_ids, tracks, book)

    def renew(self) -> None:
        """A tick that takes long keeps its turn. Raises LeaseLost."""
        pipe: Any
        with self._redis.pipeline() as pipe:
            try:
                pipe.watch(self._lease)
                if int(pipe.get(self._lease) or 0) != self.fence:
                    raise LeaseLost(self._lease)
                pipe.multi()
                pipe.pexpire(self._lease, LEASE_MS)
                pipe.execute()
            except WatchError as error:
                raise LeaseLost(self._lease) from error

    def write_state(self, state: ShardState) -> None:
        """Raises LeaseLost when the turn is over: a younger lease may have written, or all of Redis was lost, and with
        it the count of leases."""
        fields: dict[str, bytes | int] = {
            "fence": self.fence,
            "format": TRACK_FORMAT,
            "shards": state.shards,
            "txid": state.txid,
            "senior_ids": state.senior_ids.astype("<i4").tobytes(),
            "tracks": state.tracks.tobytes(),
            "book": state.book.tobytes(),
        }
        pipe: Any
        with self._redis.pipeline() as pipe:
            try:
                pipe.watch(self._lease)
                if int(pipe.get(self._lease) or 0) != self.fence:
                    raise LeaseLost(self._lease)
                pipe.multi()
                pipe.hset(self._state, mapping=fields)
                pipe.expire(self._state, STATE_SECONDS)
                pipe.execute()
            except WatchError as error:
                raise LeaseLost(self._lease) from error

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
    """A lease of 8 s, or None while another worker has the shard."""
    fence = cast("int", redis.incr(f"score:fence:{shard}"))
    if not redis.set(f"score:lease:{shard}", fence, nx=True, px=LEASE_MS):
        return None
    return ShardLease(redis, shard, fence)
