"""What became of a training run, kept in Redis for whoever waits for it. Not a record: that is `ai_weights`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from .training import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from redis import Redis

KEEP_SECONDS = 24 * 3600


def note_outcomes(redis: Redis, run: str, outcomes: Iterable[Outcome]) -> None:
    """Adds to the run; a later outcome of a senior replaces an earlier one."""
    rows = {str(outcome.senior_id): json.dumps(outcome) for outcome in outcomes}
    if rows:
        redis.hset(run_key(run), mapping=rows)
        redis.expire(run_key(run), KEEP_SECONDS)


def read_outcomes(redis: Redis, run: str) -> dict[int, Outcome]:
    # redis-py types every answer as perhaps awaitable
    rows = cast("dict[bytes, bytes]", redis.hgetall(run_key(run)))
    return {int(senior_id): Outcome(*json.loads(row)) for senior_id, row in rows.items()}


def run_key(run: str) -> str:
    """Under `weights:`, where the workers' Redis user may write."""
    return f"weights:run:{run}"
