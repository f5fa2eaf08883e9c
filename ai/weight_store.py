"""Weights on their way to the detector: object store -> Redis -> this process, digest checked at each step.

    resident   one entry per senior, already parsed: what scoring uses tick after tick
    cache      Redis, `weights:{senior_id}:{version}`, for a week
    original   the object store

A digest that does not fit is never parsed, wherever the bytes came from. When the wanted version cannot be had, the
last good one that is resident serves on, and it is counted.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, NamedTuple, cast

import structlog
from prometheus_client import Counter
from redis.exceptions import RedisError

from .artifact import LARGEST, ForeignWeights, UnreadableWeights
from .habit_weights import unpack_habits
from .object_store import ObjectMissing, ObjectStoreAway, read_object

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis import Redis

    from .habits import Habits

log = structlog.get_logger(__name__)

CACHE_SECONDS = 7 * 24 * 3600
# a reply of 100 small values is the cheapest a key; one of thousands is several times dearer
MGET_CHUNK = 100
# A tick must not be spent on a cold cache: the rest is read by the next ticks.
MOST_ORIGINALS_A_PASS = 1000
RETRY_SECONDS = 60.0

LOOKUPS = Counter("anbu_weights_cache_lookups", "Weights asked of the Redis cache", ["result"])
ORIGINALS = Counter("anbu_weights_originals", "Weights asked of the object store", ["result"])
STAND_INS = Counter(
    "anbu_weights_stand_ins", "Seniors scored by an older version because the active one was not to be had"
)


class WeightRef(NamedTuple):
    """A row of `ai_weights`: where the bytes are and what they must be."""

    weight_id: int
    senior_id: int
    version: int
    storage_path: str
    sha256: str
    size: int


class LoadedWeights(NamedTuple):
    ref: WeightRef
    habits: Habits


class DigestMismatch(UnreadableWeights):
    """Not the bytes that were registered."""


def check_digest(data: bytes, sha256: str, size: int) -> None:
    """Raises DigestMismatch."""
    if len(data) != size:
        raise DigestMismatch(f"{len(data)} bytes, {size} were registered")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DigestMismatch("the SHA-256 is not the registered one")


class WeightStore:
    def __init__(self, cache: Redis, read: Callable[[str, int], bytes] = read_object) -> None:
        self._cache = cache
        self._read = read
        self._resident: dict[int, LoadedWeights] = {}
        self._retry_at: dict[int, float] = {}
        self._cache_is_away = False

    def load(self, refs: Sequence[WeightRef]) -> dict[int, LoadedWeights]:
        """Weights by senior id; a senior whose weights were never to be had is left out."""
        self._cache_is_away = False
        missing = self._load_cached([ref for ref in refs if self._is_wanted(ref)])
        self._load_originals(missing)
        loaded = {ref.senior_id: self._resident[ref.senior_id] for ref in refs if ref.senior_id in self._resident}
        stand_ins = sum(1 for ref in refs if ref.senior_id in loaded and loaded[ref.senior_id].ref != ref)
        if stand_ins:
            STAND_INS.inc(stand_ins)
            log.error("weights_stand_in", seniors=stand_ins)
        return loaded

    def _is_wanted(self, ref: WeightRef) -> bool:
        resident = self._resident.get(ref.senior_id)
        if resident is not None and resident.ref == ref:
            return False
        return self._retry_at.get(ref.weight_id, 0.0) <= time.monotonic()

    def _load_cached(self, refs: list[WeightRef]) -> list[WeightRef]:
        """Takes what the cache has; returns what it has not."""
        missing: list[WeightRef] = []
        for start in range(0, len(refs), MGET_CHUNK):
            chunk = refs[start : start + MGET_CHUNK]
            try:
                values = cast("list[bytes | None]", self._cache.mget([cache_key(ref) for ref in chunk]))
            except RedisError as error:
                self._note_absence(error)
                LOOKUPS.labels("away").inc(len(refs) - start)
                return missing + refs[start:]
            missing.extend(ref for ref, value in zip(chunk, values, strict=True) if not self._take_cached(ref, value))
        return missing

    def _take_cached(self, ref: WeightRef, data: bytes | None) -> bool:
        if data is None:
            LOOKUPS.labels("miss").inc()
            return False
        try:
            self._take(ref, data)
        except (UnreadableWeights, ForeignWeights) as error:
            LOOKUPS.labels("corrupt").inc()
            log.error("weights_cache_corrupt", senior_id=ref.senior_id, version=ref.version, error=str(error))
            self._forget(ref)
            return False
        LOOKUPS.labels("hit").inc()
        return True

    def _load_originals(self, refs: list[WeightRef]) -> None:
        for ref in refs[:MOST_ORIGINALS_A_PASS]:
            try:
                data = self._read(ref.storage_path, LARGEST)
                self._take(ref, data)
            except ObjectStoreAway as error:
                ORIGINALS.labels("away").inc()
                log.error("weights_store_away", error=str(error))
                return
            except (ObjectMissing, UnreadableWeights, ForeignWeights) as error:
                ORIGINALS.labels("refused").inc()
                self._retry_at[ref.weight_id] = time.monotonic() + RETRY_SECONDS
                log.error("weights_refused", senior_id=ref.senior_id, weight_id=ref.weight_id, error=str(error))
                continue
            ORIGINALS.labels("read").inc()
            self._remember(ref, data)

    def _take(self, ref: WeightRef, data: bytes) -> None:
        check_digest(data, ref.sha256, ref.size)
        _, habits = unpack_habits(data, ref.senior_id)
        self._resident[ref.senior_id] = LoadedWeights(ref, habits)

    def _remember(self, ref: WeightRef, data: bytes) -> None:
        if self._cache_is_away:
            return
        try:
            self._cache.set(cache_key(ref), data, ex=CACHE_SECONDS)
        except RedisError as error:
            self._note_absence(error)

    def _forget(self, ref: WeightRef) -> None:
        try:
            self._cache.delete(cache_key(ref))
        except RedisError as error:
            self._note_absence(error)

    def _note_absence(self, error: RedisError) -> None:
        """The rest of this pass does without the cache: a time-out for each senior would outlast the tick."""
        self._cache_is_away = True
        log.warning("weights_cache_away", error=str(error))


def cache_key(ref: WeightRef) -> str:
    return f"weights:{ref.senior_id}:{ref.version}"
