"""Weights on their way to the detector, as bytes: the Redis cache, else the object store. A digest that does not fit is
never parsed, wherever the bytes came from.

    weights:{senior_id}:{version}   the bytes, for a week
    weights:flight:{weight_id}      somebody is reading the original: others wait for the cache (single flight)
    weights:refused:{weight_id}     the original is missing or wrong: nobody asks for it again for a minute

Redis away: originals are read, by everybody. Object store away: what is cached serves. Both are counted.
"""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import structlog
from django.db import connections
from prometheus_client import Counter
from redis.exceptions import RedisError

from .artifact import LARGEST, UnreadableWeights
from .object_store import ObjectMissing, ObjectStoreAway, read_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from redis import Redis

log = structlog.get_logger(__name__)

CACHE_SECONDS = 7 * 24 * 3600
REFUSED_SECONDS = 60
FLIGHT_MS = 10_000
# A reply of 100 small values is the cheapest a key; one of thousands is several times dearer.
CHUNK = 100
# A tick must not be spent on a cold cache: what is not had by then is asked for by the next tick.
PATIENCE_SECONDS = 2.0
AWAY_SECONDS = 5.0
READERS = 8

LOOKUPS = Counter("anbu_weights_cache_lookups", "Weights asked of the Redis cache", ["result"])
ORIGINALS = Counter("anbu_weights_originals", "Weights asked of the object store", ["result"])


class WeightRef(NamedTuple):
    """A row of `ai_weights`: where the bytes are and what they must be. `sha256` is in hexadecimal digits; an empty
    `storage_path` is looked up when the original is needed."""

    weight_id: int
    senior_id: int
    version: int
    storage_path: str
    sha256: str
    size: int


class DigestMismatch(UnreadableWeights):
    """Not the bytes that were registered."""


class Fetched(NamedTuple):
    """`data` by weight_id; `refused`: why the registered bytes are not to be had, by weight_id. The rest is not here
    yet: ask again."""

    data: dict[int, bytes]
    refused: dict[int, str]


def check_digest(data: bytes, sha256: str, size: int) -> None:
    """Raises DigestMismatch."""
    if len(data) != size:
        raise DigestMismatch(f"{len(data)} bytes, {size} were registered")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DigestMismatch("the SHA-256 is not the registered one")


class WeightStore:
    """One per process; no thread shares it."""

    def __init__(self, cache: Redis, read: Callable[[str, int], bytes] = read_object) -> None:
        self._cache = cache
        self._read = read
        self._refused: dict[int, tuple[float, str]] = {}
        self._store_away_until = 0.0

    def fetch(self, refs: Sequence[WeightRef]) -> Fetched:
        """The registered bytes of these versions, as far as they are to be had within the patience of a tick."""
        fetched = Fetched({}, {})
        try:
            missing = self._fetch_cached(refs, fetched)
        except RedisError as error:
            LOOKUPS.labels("away").inc(len(refs) - len(fetched.data))
            log.warning("weights_cache_away", error=str(error))
            missing = [ref for ref in refs if ref.weight_id not in fetched.data]
            self._fetch_alone(missing, fetched)
        else:
            if missing:
                self._fetch_originals(missing, fetched)
        return fetched

    def _fetch_cached(self, refs: Sequence[WeightRef], fetched: Fetched) -> list[WeightRef]:
        """Takes what the cache has; returns what it has not. Raises RedisError."""
        missing: list[WeightRef] = []
        for chunk in cut_chunks(refs):
            # redis-py types every answer as perhaps awaitable
            values = cast("list[bytes | None]", self._cache.mget([cache_key(ref) for ref in chunk]))
            corrupt = []
            for ref, data in zip(chunk, values, strict=True):
                if data is None:
                    missing.append(ref)
                elif len(data) == ref.size and hashlib.sha256(data).hexdigest() == ref.sha256:
                    fetched.data[ref.weight_id] = data
                else:
                    corrupt.append(ref)
            if corrupt:
                self._drop_corrupt(corrupt)
                missing.extend(corrupt)
        absent = len(missing)
        LOOKUPS.labels("hit").inc(len(refs) - absent)
        LOOKUPS.labels("miss").inc(absent)
        return missing

    def _drop_corrupt(self, refs: list[WeightRef]) -> None:
        LOOKUPS.labels("corrupt").inc(len(refs))
        log.error("weights_cache_corrupt", weight_ids=[ref.weight_id for ref in refs])
        self._cache.delete(*(cache_key(ref) for ref in refs))

    def _fetch_originals(self, refs: list[WeightRef], fetched: Fetched) -> None:
        """One reader for each original among all processes; the others wait until it is cached."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        waiting = refs
        pause = 0.01
        try:
            while waiting and time.monotonic() < deadline:
                ours, waiting = self._take_flights(waiting, fetched)
                self._land(ours, fetched, deadline)
                if waiting:
                    time.sleep(pause)
                    pause = min(2 * pause, 0.2)
                    waiting = self._look_again(waiting, fetched)
        except RedisError as error:
            log.warning("weights_cache_away", error=str(error))
            self._fetch_alone([ref for ref in refs if ref.weight_id not in fetched.data], fetched)

    def _take_flights(self, refs: list[WeightRef], fetched: Fetched) -> tuple[list[WeightRef], list[WeightRef]]:
        """Which of these we read, and which somebody else is reading. What was refused lately is neither."""
        ours: list[WeightRef] = []
        others: list[WeightRef] = []
        for chunk in cut_chunks(refs):
            pipe: Any
            with self._cache.pipeline(transaction=False) as pipe:
                pipe.mget([f"weights:refused:{ref.weight_id}" for ref in chunk])
                for ref in chunk:
                    pipe.set(f"weights:flight:{ref.weight_id}", 1, nx=True, px=FLIGHT_MS)
                refused, *taken = pipe.execute()
            for ref, reason, is_ours in zip(chunk, refused, taken, strict=True):
                if reason is not None:
                    fetched.refused[ref.weight_id] = reason.decode(errors="replace")
                    ORIGINALS.labels("refused_lately").inc()
                (ours if is_ours else others).append(ref)
            gone = [ref for ref in ours if ref.weight_id in fetched.refused]
            if gone:
                self._cache.delete(*(f"weights:flight:{ref.weight_id}" for ref in gone))
        # whoever had the flight before us has perhaps cached it since we looked
        ours = [ref for ref in ours if ref.weight_id not in fetched.refused]
        others = [ref for ref in others if ref.weight_id not in fetched.refused]
        return self._look_again(ours, fetched, is_ours=True), others

    def _look_again(self, refs: list[WeightRef], fetched: Fetched, *, is_ours: bool = False) -> list[WeightRef]:
        """What the cache still has not."""
        missing: list[WeightRef] = []
        for chunk in cut_chunks(refs):
            values = cast("list[bytes | None]", self._cache.mget([cache_key(ref) for ref in chunk]))
            found = []
            for ref, data in zip(chunk, values, strict=True):
                if data is not None and fits(data, ref):
                    fetched.data[ref.weight_id] = data
                    ORIGINALS.labels("waited").inc()
                    found.append(ref)
                else:
                    missing.append(ref)
            if found and is_ours:
                self._cache.delete(*(f"weights:flight:{ref.weight_id}" for ref in found))
        return missing

    def _land(self, refs: list[WeightRef], fetched: Fetched, deadline: float) -> None:
        """Reads originals, caches them, and lets the others know. Raises RedisError."""
        for chunk in cut_chunks(refs):
            before = set(fetched.data)
            if time.monotonic() < deadline:
                self._read_originals(chunk, fetched)
            pipe: Any
            with self._cache.pipeline(transaction=False) as pipe:
                for ref in chunk:
                    if ref.weight_id in fetched.data and ref.weight_id not in before:
                        pipe.set(cache_key(ref), fetched.data[ref.weight_id], ex=CACHE_SECONDS)
                    elif ref.weight_id in fetched.refused:
                        pipe.set(f"weights:refused:{ref.weight_id}", fetched.refused[ref.weight_id], ex=REFUSED_SECONDS)
                pipe.delete(*(f"weights:flight:{ref.weight_id}" for ref in chunk))
                pipe.execute()

    def _fetch_alone(self, refs: list[WeightRef], fetched: Fetched) -> None:
        """Without the cache, and without knowing what others do."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        now = time.monotonic()
        for ref in refs:
            until, reason = self._refused.get(ref.weight_id, (0.0, ""))
            if until > now:
                fetched.refused[ref.weight_id] = reason
        wanted = [ref for ref in refs if ref.weight_id not in fetched.refused]
        for chunk in cut_chunks(wanted):
            if time.monotonic() >= deadline:
                return
            self._read_originals(chunk, fetched)

    def _read_originals(self, refs: Sequence[WeightRef], fetched: Fetched) -> None:
        """Reads and checks; whatever is wrong is noted. A store that is away is left alone for a while."""
        if time.monotonic() < self._store_away_until:
            ORIGINALS.labels("away").inc(len(refs))
            return
        refs = with_paths(refs)
        with ThreadPoolExecutor(min(READERS, len(refs))) as pool:
            for ref, answer in zip(refs, pool.map(self._read_original, refs), strict=True):
                if isinstance(answer, bytes):
                    ORIGINALS.labels("read").inc()
                    fetched.data[ref.weight_id] = answer
                elif isinstance(answer, ObjectStoreAway):
                    ORIGINALS.labels("away").inc()
                    self._store_away_until = time.monotonic() + AWAY_SECONDS
                else:
                    self._refuse(ref, str(answer), fetched)
        if time.monotonic() < self._store_away_until:
            log.error("weights_store_away", weights=len(refs))

    def _read_original(self, ref: WeightRef) -> bytes | Exception:
        try:
            data = self._read(ref.storage_path, LARGEST)
            check_digest(data, ref.sha256, ref.size)
        except (ObjectStoreAway, ObjectMissing, DigestMismatch) as error:
            return error
        return data

    def _refuse(self, ref: WeightRef, reason: str, fetched: Fetched) -> None:
        ORIGINALS.labels("refused").inc()
        fetched.refused[ref.weight_id] = reason
        self._refused[ref.weight_id] = (time.monotonic() + REFUSED_SECONDS, reason)
        log.error("weights_refused", senior_id=ref.senior_id, weight_id=ref.weight_id, reason=reason)


def with_paths(refs: Sequence[WeightRef]) -> Sequence[WeightRef]:
    """The same, all with the path of the original."""
    unknown = [ref.weight_id for ref in refs if not ref.storage_path]
    if not unknown:
        return refs
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT weight_id, storage_path FROM ai_weights WHERE weight_id = ANY(%s)", [unknown])
        paths: dict[int, str] = dict(cursor.fetchall())
    return [ref._replace(storage_path=paths.get(ref.weight_id, ref.storage_path)) for ref in refs]


def fits(data: bytes, ref: WeightRef) -> bool:
    """Whether these are the registered bytes."""
    return len(data) == ref.size and hashlib.sha256(data).hexdigest() == ref.sha256


def cut_chunks(refs: Sequence[WeightRef]) -> Iterator[Sequence[WeightRef]]:
    for start in range(0, len(refs), CHUNK):
        yield refs[start : start + CHUNK]


def cache_key(ref: WeightRef) -> str:
    return f"weights:{ref.senior_id}:{ref.version}"
