"""One scoring tick of a shard: read what is new, judge every senior, publish emergencies, report risks.

The worker never writes a database. Emergencies go first and by Redis, so neither a slow backend nor a dead one delays
them; both they and the risks are said again while they are true, so nothing said once needs to arrive.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from django.db import connections
from prometheus_client import Counter, Gauge, Histogram

from .activity import Fresh, Home, LastActivity, read_homes, read_horizon, read_last_activity, read_new_activity
from .backend_client import BackendClient, BackendError
from .findings import EVENT_TYPE, Case, Finding, judge_cases
from .shard_state import Remembered, ShardLease, ShardState, take_lease
from .weight_store import WeightRef
from .wording import describe_silence

if TYPE_CHECKING:
    from redis import Redis

    from .resident_weights import ResidentWeights

log = structlog.get_logger(__name__)

STREAM = "emergencies"
# Far more than a backend that is away for hours leaves; a bound all the same, since the stream lives in memory.
STREAM_LENGTH = 100_000
REPEAT_SECONDS = 60.0
SETTLE_SECONDS = 30.0

TICK_SECONDS = Histogram("anbu_scoring_tick_seconds", "Time of one scoring tick of a shard")
PUBLISHED = Counter("anbu_emergencies_published", "Emergencies written to the stream, repeats too")
SENIORS = Gauge("anbu_scored_seniors", "Seniors by level at the last tick", ["shard", "level"])


class Tick(NamedTuple):
    """What a tick did, for its log line."""

    seniors: int
    emergencies: int
    reported: int
    rebuilt: bool


class Scorer:
    """Scores shards with the weights that its process holds."""

    def __init__(self, redis: Redis, weights: ResidentWeights, backend: BackendClient) -> None:
        self._redis = redis
        self._weights = weights
        self._backend = backend

    def score_shard(self, shard: int, shards: int) -> Tick | None:
        """One tick; None when another worker has the shard. Raises LeaseLost, redis and database errors."""
        lease = take_lease(self._redis, shard)
        if lease is None:
            return None
        try:
            with TICK_SECONDS.time():
                return self._tick(lease, shard, shards)
        finally:
            lease.release()

    def _tick(self, lease: ShardLease, shard: int, shards: int) -> Tick:
        state = lease.read_state(shards)
        horizon = read_horizon()
        rebuilt = state is None or state.txid > horizon.txid
        if state is None or rebuilt:
            homes = read_homes(shard, shards)
            state = rebuild_state(homes, shards, horizon.now)
        else:
            # the batches first: a hub whose batch is seen is then also among the homes
            fresh = read_new_activity(state.txid)
            homes = read_homes(shard, shards)
            take_in(state, homes, fresh, horizon.now)
        state.txid = horizon.txid
        loaded = self._weights.load(read_active_weights(shard, shards))
        cases = [make_case(home, state.seniors[home.senior_id], loaded, horizon.now) for home in homes]
        findings = judge_cases(horizon.now, cases)
        published = self._publish(state, findings, horizon.now)
        reported = self._report(state, findings, horizon.now)
        lease.write_state(state)
        count_levels(shard, findings)
        return Tick(len(homes), published, reported, rebuilt)

    def _publish(self, state: ShardState, findings: list[Finding], now: float) -> int:
        published = 0
        for finding in findings:
            remembered = state.seniors[finding.senior_id]
            if finding.level != "emergency" or now - remembered.published_at < REPEAT_SECONDS:
                continue
            text = json.dumps(make_message(finding, now), ensure_ascii=False)
            self._redis.xadd(STREAM, {"json": text}, maxlen=STREAM_LENGTH, approximate=True)
            remembered.published_at = now
            published += 1
        PUBLISHED.inc(published)
        return published

    def _report(self, state: ShardState, findings: list[Finding], now: float) -> int:
        everything = now - state.reported_at >= REPEAT_SECONDS
        due = [finding for finding in findings if everything or finding.gist != state.seniors[finding.senior_id].said]
        try:
            self._backend.report_risks([make_risk(finding, now) for finding in due])
        except BackendError as error:
            log.warning("risks_not_reported", seniors=len(due), error=str(error), again=error.again)
            return 0
        for finding in due:
            state.seniors[finding.senior_id].said = finding.gist
        if everything:
            state.reported_at = now
        return len(due)


def rebuild_state(homes: list[Home], shards: int, now: float) -> ShardState:
    """A fresh state from the sensor events themselves. Its txid is the caller's to set."""
    last = read_last_activity([hub_id for home in homes for hub_id in home.hub_ids])
    seniors = {}
    for home in homes:
        newest = max((last[hub_id] for hub_id in home.hub_ids if hub_id in last), default=LastActivity(0.0, False))
        seniors[home.senior_id] = Remembered(
            last_event=newest.at,
            settled_at=now + SETTLE_SECONDS,
            was_online=home.hub_status == "online",
            out=newest.out,
        )
    return ShardState(shards=shards, txid=0, seniors=seniors)


def take_in(state: ShardState, homes: list[Home], fresh: dict[int, Fresh], now: float) -> None:
    """Brings the state up to now: newest activity, and which hubs still deliver what they kept while they were away."""
    known = state.seniors
    state.seniors = {home.senior_id: known.get(home.senior_id, Remembered()) for home in homes}
    for home in homes:
        remembered = state.seniors[home.senior_id]
        for batch in (fresh[hub_id] for hub_id in home.hub_ids if hub_id in fresh):
            if batch.active is not None and batch.active.at >= remembered.last_event:
                if batch.active.at > remembered.last_event:
                    remembered.published_at = 0.0
                remembered.last_event, remembered.out = batch.active
            remembered.settled_at = max(remembered.settled_at, (batch.late_at or 0.0) + SETTLE_SECONDS)
        online = home.hub_status == "online"
        if online and not remembered.was_online:
            remembered.settled_at = max(remembered.settled_at, now + SETTLE_SECONDS)
        remembered.was_online = online


def make_case(home: Home, remembered: Remembered, loaded: dict[int, Any], now: float) -> Case:
    if home.hub_status is None:
        obstacle: str | None = "no_hub"
    elif home.hub_status != "online":
        obstacle = f"hub_{home.hub_status}"
    else:
        obstacle = "hub_catching_up" if now < remembered.settled_at else None
    return Case(home.senior_id, remembered.last_event or None, loaded.get(home.senior_id), obstacle, remembered.out)


def read_active_weights(shard: int, shards: int) -> list[WeightRef]:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            """
            SELECT weight_id, senior_id, version, storage_path, sha256, size FROM ai_weights
            WHERE is_active AND mod(senior_id, %s) = %s
            """,
            [shards, shard],
        )
        return [WeightRef(*row) for row in cursor.fetchall()]


def make_message(finding: Finding, now: float) -> dict[str, Any]:
    """An entry of the emergencies stream, as the contract has it."""
    return {
        "message_id": str(uuid.uuid4()),
        "senior_id": finding.senior_id,
        "event_type": EVENT_TYPE,
        "episode": finding.episode,
        "severity": "high",
        "description": describe_silence(finding),
        "occurred_at": spell_time(finding.last_event or now),
        "detected_at": spell_time(now),
        "weight_id": finding.weight_id,
    }


def make_risk(finding: Finding, now: float) -> dict[str, Any]:
    return {
        "senior_id": finding.senior_id,
        "level": finding.level,
        "score": finding.score,
        "reasons": finding.reasons,
        "episode": finding.episode,
        "observed_at": spell_time(now),
        "weight_id": finding.weight_id,
    }


def spell_time(epoch_seconds: float) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat(timespec="milliseconds")


def count_levels(shard: int, findings: list[Finding]) -> None:
    for level in ("normal", "watch", "warning", "emergency", "no_data"):
        SENIORS.labels(str(shard), level).set(sum(1 for finding in findings if finding.level == level))
