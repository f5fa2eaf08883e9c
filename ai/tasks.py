"""Celery tasks of the AI workers: fetch what they need, call, say in one line what was done."""

from __future__ import annotations

from functools import cache
from typing import Any

import structlog
from celery import shared_task
from django.conf import settings
from django.utils import timezone
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .alarm_storms import end_storms
from .backend_client import BackendClient
from .resident_weights import ResidentWeights
from .scoring import Scorer
from .shadows import run_shadows as judge_shadows
from .shard_state import LeaseLost
from .training import train_run
from .training_runs import plan_slot
from .weight_store import WeightStore

log = structlog.get_logger(__name__)

RETRY_SECONDS = 60
RETRIES = 5


@cache
def connect_redis() -> Redis:
    # one quick retry: the library's own wait up to ten seconds, longer than a tick has
    retry = Retry(NoBackoff(), 1)
    return Redis.from_url(settings.REDIS_URL, socket_timeout=3, socket_connect_timeout=3, retry=retry)


@cache
def connect_backend() -> BackendClient:
    return BackendClient(settings.ANBU_BACKEND_URL, settings.ANBU_SERVICE_KEY)


@cache
def make_scorer() -> Scorer:
    """One per process: it holds the parsed weights."""
    return Scorer(connect_redis(), ResidentWeights(WeightStore(connect_redis())), connect_backend())


@shared_task(name="ai.tasks.score_shard")
def score_shard(shard: int, shards: int) -> None:
    """One tick of a shard. Whatever is away makes this tick fail and the next one try again."""
    try:
        tick = make_scorer().score_shard(shard, shards)
    except LeaseLost:
        log.warning("scoring_lease_lost", shard=shard)
        return
    if tick is not None and (tick.emergencies or tick.rebuilt):
        log.info("shard_scored", shard=shard, **tick._asdict())


@shared_task(name="ai.tasks.plan_training")
def plan_training() -> None:
    """This slot's share of the night. Runs in the backend: it writes the run down."""
    run = plan_slot(timezone.now())
    if run is not None:
        log.info("training_planned", run=run.pk, seniors=run.jobs.count())


@shared_task(name="ai.tasks.roll_back_storms")
def roll_back_storms() -> None:
    """Takes weights that ring without end out of service. Runs in the backend."""
    end_storms()


@shared_task(name="ai.tasks.run_shadows")
def run_shadows() -> None:
    """Judges waiting versions by the days since they were trained. Runs in the backend."""
    log.info("shadows_run", promoted=judge_shadows())


@shared_task(name="ai.tasks.train_seniors", bind=True, max_retries=RETRIES)
def train_seniors(self: Any, senior_ids: list[int], run_id: int) -> None:
    """Trains these seniors; those who failed for a passing reason are tried again, each time after twice the wait."""
    outcomes = train_run(senior_ids, run_id, connect_backend())
    again = [outcome.senior_id for outcome in outcomes if outcome.status == "failed"]
    if not again:
        return
    if self.request.retries >= RETRIES:
        log.error("training_failed", run=run_id, seniors=again)
        return
    raise self.retry(args=[again, run_id], countdown=RETRY_SECONDS * 2**self.request.retries)
