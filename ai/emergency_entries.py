"""What a worker says to the backend: entries of the emergencies stream, and risks, as the contract has them."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .wording import describe_finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis

    from .findings import Finding

STREAM = "emergencies"
# Far more than a backend that is away for hours leaves; a bound all the same, since the stream lives in memory.
STREAM_LENGTH = 100_000


def publish_emergencies(redis: Redis, findings: Sequence[Finding], now: float) -> None:
    """Adds an entry for each. Raises RedisError; what was added before it stays."""
    pipe: Any
    with redis.pipeline(transaction=False) as pipe:
        for finding in findings:
            text = json.dumps(make_entry(finding, now), ensure_ascii=False)
            pipe.xadd(STREAM, {"json": text}, maxlen=STREAM_LENGTH, approximate=True)
        pipe.execute()


def make_entry(finding: Finding, now: float) -> dict[str, Any]:
    """An entry of the emergencies stream."""
    return {
        "message_id": str(uuid.uuid4()),
        "senior_id": finding.senior_id,
        "event_type": finding.event_type,
        "episode": finding.episode,
        "severity": finding.severity,
        "description": describe_finding(finding),
        "reasons": finding.reasons,
        "occurred_at": spell_time(finding.began_at or now),
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
