"""What a senior's weights cost from each place where they can be, what a stampede reads, and what a fit takes."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from redis import Redis

from ai.calibration import fit_habits
from ai.habit_weights import pack_habits
from ai.object_store import read_object, write_object
from ai.resident_weights import ResidentWeights
from ai.weight_store import WeightStore, cache_key
from portal.demo import measure_life

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.fleet import Fleet

ORIGINALS = 50
WORKERS = 50
CHUNKS = 50
FIT_DAYS = (14, 28)


def measure_tiers(fleet: Fleet) -> dict[str, float]:
    """Medians in microseconds a senior, but for what says otherwise."""
    redis = Redis.from_url(settings.REDIS_URL)
    store = WeightStore(redis)
    refs = fleet.refs[:1000]
    originals = refs[:ORIGINALS]
    for ref in originals:
        data = pack_habits(ref.senior_id, fleet.fitted, "2026-10-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00")
        write_object(ref.storage_path, data)
    ids, active = np.array([ref.senior_id for ref in refs]), np.array([ref.weight_id for ref in refs])
    resident = ResidentWeights(store)
    resident.load(0, ids, active)
    figures = {
        "resident, us a senior": median_us(lambda: resident.load(0, ids, active), len(refs), 20),
        "cache, 100 at a time, us a senior": median_us(lambda: store.fetch(refs[:100]), 100, CHUNKS),
        "cache, alone, us": median_us(lambda: store.fetch(refs[:1]), 1, CHUNKS),
        "object store, alone, us": median_us(one_after_the_other(originals, redis, store), 1, ORIGINALS),
    }
    figures["stampede of 50 processes on one cold key, reads of the object store"] = stampede(originals[0], redis)
    for days in FIT_DAYS:
        cut = fleet.events[-1].timestamp.timestamp() - days * 86_400
        life = measure_life([event for event in fleet.events if event.timestamp.timestamp() > cut])

        took = median_us(partial(fit_habits, life), 1, 3) / 1e6
        figures[f"fit of {days} days, {life.times.size} events, s"] = took
    return figures


def median_us(call: Callable[[], Any], seniors: int, times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) / seniors * 1e6


def one_after_the_other(refs: list[Any], redis: Redis, store: WeightStore) -> Callable[[], Any]:
    """Each call fetches another one that the cache has not."""
    redis.delete(*(cache_key(ref) for ref in refs))
    places = iter(refs)
    return lambda: store.fetch([next(places)])


def stampede(ref: Any, redis: Redis) -> int:
    """How often fifty processes that miss the same weights at once ask the object store for them."""
    redis.delete(cache_key(ref))
    processes = multiprocessing.get_context("fork")
    reads, together = processes.Value("i", 0), processes.Barrier(WORKERS)

    def read(path: str, most: int) -> bytes:
        with reads.get_lock():
            reads.value += 1
        return read_object(path, most)

    def work() -> None:
        store = WeightStore(Redis.from_url(settings.REDIS_URL), read)
        together.wait(60)
        if ref.weight_id not in store.fetch([ref]).data:
            raise SystemExit(1)

    workers = [processes.Process(target=work) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    if any(worker.exitcode for worker in workers):
        raise SystemExit("a worker of the stampede did not get its weights")
    return int(reads.value)
