"""What the model last said about each senior: taken in by batches, an older word never over a newer one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from django.db import connection, transaction

from .automatic_checks import note_soft_alarms

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
# so that a resend after a lost answer is harmless. The shown level rises and falls with the model's own, but where it
# fell and came back within RETURNS_WITHIN_S it flaps: from then on it is held until HELD_FOR_S after the model was last
# that worried. No data is shown at once, and so is what comes after it.
RECORD = """
WITH known AS (
    SELECT word.*
    FROM unnest(%(senior_id)s::int[], %(level)s::text[], %(score)s::float8[], %(reasons)s::jsonb[], %(episode)s::text[],
            %(observed_at)s::timestamptz[], %(weight_id)s::int[])
        AS word (senior_id, level, score, reasons, episode, observed_at, weight_id)
    JOIN seniors USING (senior_id)
),
newest AS (
    SELECT DISTINCT ON (senior_id) known.* FROM known ORDER BY senior_id, observed_at DESC
),
ranked AS (
    SELECT newest.*, state.level AS shown, state.fell_at, state.held_until,
        array_position(%(ranks)s, newest.level) AS rank, array_position(%(ranks)s, state.level) AS shown_rank
    FROM newest LEFT JOIN risk_states AS state USING (senior_id)
),
latched AS (
    SELECT ranked.*, CASE
            WHEN rank > shown_rank AND fell_at > observed_at - make_interval(secs => %(returns_within_s)s)
                OR rank >= shown_rank AND held_until > observed_at
            THEN observed_at + make_interval(secs => %(held_for_s)s)
            ELSE held_until
        END AS held
    FROM ranked
),
judged AS (
    SELECT latched.*, CASE WHEN rank < shown_rank AND held > observed_at THEN shown ELSE level END AS told FROM latched
),
recorded AS (
    INSERT INTO risk_states AS state
        (senior_id, level, reported_level, score, reasons, episode, observed_at, weight_id, updated_at, changed_at,
         fell_at, held_until)
    SELECT senior_id, told, level, score, reasons, episode, observed_at, weight_id, now(), now(), fell_at, held
    FROM judged ORDER BY senior_id
    ON CONFLICT (senior_id) DO UPDATE SET
        level = excluded.level, reported_level = excluded.reported_level, score = excluded.score,
        reasons = excluded.reasons, episode = excluded.episode, observed_at = excluded.observed_at,
        weight_id = excluded.weight_id, updated_at = now(), held_until = excluded.held_until,
        changed_at = CASE WHEN state.level = excluded.level THEN state.changed_at ELSE now() END,
        fell_at = CASE
            WHEN array_position(%(ranks)s, excluded.level) < array_position(%(ranks)s, state.level)
            THEN excluded.observed_at ELSE state.fell_at
        END
    WHERE state.observed_at <= excluded.observed_at
    RETURNING senior_id
)
SELECT (SELECT array_agg(senior_id) FROM recorded), (SELECT count(*) FROM known)
"""
AGED = """
    UPDATE risk_states
    SET level = 'no_data', changed_at = now(), reasons = %s::jsonb
    WHERE level <> 'no_data' AND updated_at < now() - make_interval(mins => %s)
"""
AGED_AFTER_MIN = 10
RANKS = ["normal", "watch", "warning", "emergency"]  # no_data has none: it is no degree of worry
RETURNS_WITHIN_S = 600
HELD_FOR_S = 300


def record_risks(risks: Sequence[Risk]) -> RiskCounts:
    """Updates `risk_states`, and notes whom the robot is to ask.

    `stale` counts what was older than what is known, `unknown` seniors who are not there.
    """
    if not risks:
        return {"updated": 0, "stale": 0, "unknown": 0}
    columns: dict[str, Any] = {
        "senior_id": [risk["senior_id"] for risk in risks],
        "level": [risk["level"] for risk in risks],
        "score": [risk["score"] for risk in risks],
        "reasons": [json.dumps(risk["reasons"]) for risk in risks],
        "episode": [risk["episode"] or "" for risk in risks],
        "observed_at": [risk["observed_at"] for risk in risks],
        "weight_id": [risk["weight_id"] for risk in risks],
    }
    limits = {"ranks": RANKS, "returns_within_s": RETURNS_WITHIN_S, "held_for_s": HELD_FOR_S}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RECORD, columns | limits)
        recorded, known = cursor.fetchone()
        updated = len(recorded or [])
        if recorded:
            note_soft_alarms(recorded)
    return {"updated": updated, "stale": known - updated, "unknown": len(risks) - known}


def age_risks() -> int:
    """What nothing was heard about for ten minutes is known no more, and never stays green; how many those are."""
    reasons = [{"code": "not_scored", "values": {"minutes": AGED_AFTER_MIN}}]
    with connection.cursor() as cursor:
        cursor.execute(AGED, [json.dumps(reasons), AGED_AFTER_MIN])
        return int(cursor.rowcount)
