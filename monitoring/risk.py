"""What the model last said about each senior: taken in by batches, an older word never over a newer one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class Risk(TypedDict):
    """`score` is 0..1, `reasons` are codes with their numbers, `episode` None while nothing is suspected."""

    senior_id: int
    level: str
    score: float
    reasons: list[dict[str, Any]]
    episode: str | None
    observed_at: datetime
    weight_id: int | None


class RiskCounts(TypedDict):
    updated: int
    stale: int
    unknown: int


# One statement for the whole batch. Of two words about one senior the newer counts; an equally old one is taken again,
# so that a resend after a lost answer is harmless.
RECORD = """
WITH known AS (
    SELECT word.*
    FROM unnest(%s::int[], %s::text[], %s::float8[], %s::jsonb[], %s::text[], %s::timestamptz[], %s::int[])
        AS word (senior_id, level, score, reasons, episode, observed_at, weight_id)
    JOIN seniors USING (senior_id)
),
recorded AS (
    INSERT INTO risk_states AS state
        (senior_id, level, reported_level, score, reasons, episode, observed_at, weight_id, updated_at, changed_at)
    SELECT DISTINCT ON (senior_id)
        senior_id, level, level, score, reasons, episode, observed_at, weight_id, now(), now()
    FROM known ORDER BY senior_id, observed_at DESC
    ON CONFLICT (senior_id) DO UPDATE SET
        level = excluded.level, reported_level = excluded.level, score = excluded.score,
        reasons = excluded.reasons, episode = excluded.episode,
        observed_at = excluded.observed_at, weight_id = excluded.weight_id, updated_at = now(),
        changed_at = CASE WHEN state.level = excluded.level THEN state.changed_at ELSE now() END
    WHERE state.observed_at <= excluded.observed_at
    RETURNING 1
)
SELECT (SELECT count(*) FROM recorded), (SELECT count(*) FROM known)
"""


def record_risks(risks: Sequence[Risk]) -> RiskCounts:
    """Updates `risk_states`. `stale` counts what was older than what is known, `unknown` seniors who are not there."""
    if not risks:
        return {"updated": 0, "stale": 0, "unknown": 0}
    columns: list[Any] = [
        [risk["senior_id"] for risk in risks],
        [risk["level"] for risk in risks],
        [risk["score"] for risk in risks],
        [json.dumps(risk["reasons"]) for risk in risks],
        [risk["episode"] or "" for risk in risks],
        [risk["observed_at"] for risk in risks],
        [risk["weight_id"] for risk in risks],
    ]
    with connection.cursor() as cursor:
        cursor.execute(RECORD, columns)
        updated, known = cursor.fetchone()
    return {"updated": updated, "stale": known - updated, "unknown": len(risks) - known}
