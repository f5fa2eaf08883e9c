"""What our scoring is compared with: a Celery task for each senior, an IsolationForest by joblib from the cache.

    celery -A benchmarks.naive_scoring worker

A task loads the forest from Redis, counts the last day's events by hour in PostgreSQL, scores them, and writes the
score back. It believes the bytes that it gets, as the plain way does.
"""

from __future__ import annotations

import io
import os
from functools import cache

import joblib
import numpy as np
import psycopg
from celery import Celery
from redis import Redis

FORESTS = 100
HOURS = 24
DONE = "naive:done"

app = Celery("naive", broker=os.environ["REDIS_URL"])
app.conf.update(task_default_queue="naive", task_ignore_result=True, worker_prefetch_multiplier=1, task_acks_late=True)


@cache
def connect_redis() -> Redis:
    return Redis.from_url(os.environ["REDIS_URL"])


@cache
def connect_events() -> psycopg.Connection:
    return psycopg.connect(os.environ["TIMESERIES_URL"], autocommit=True)


def fit_forest(seed: int) -> bytes:
    """A forest over hourly counts of sixty days, as its bytes."""
    from sklearn.ensemble import IsolationForest

    counts = np.random.default_rng(seed).poisson(20, size=(60, HOURS))
    buffer = io.BytesIO()
    joblib.dump(IsolationForest(n_estimators=FORESTS, random_state=seed).fit(counts), buffer, compress=3)
    return buffer.getvalue()


@app.task(name="naive.score")
def score(hub_id: int) -> None:
    redis = connect_redis()
    data = redis.get(f"naive:forest:{hub_id}")
    forest = joblib.load(io.BytesIO(data))  # type: ignore[arg-type]  # redis-py's union with awaitables
    rows = connect_events().execute(
        """
        SELECT floor(extract(epoch FROM now() - timestamp) / 3600)::int AS hour, count(*) FROM sensor_logs
        WHERE hub_id = %s AND timestamp > now() - interval '24 hours' GROUP BY hour
        """,
        [hub_id],
    )
    counts = np.zeros((1, HOURS))
    for hour, events in rows:
        counts[0, min(hour, HOURS - 1)] += events
    redis.set(f"naive:score:{hub_id}", float(forest.score_samples(counts)[0]))
    redis.incr(DONE)
