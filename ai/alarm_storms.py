"""Weights that ring without end are taken out of service by themselves: the version before them goes back to work.

A storm are three different episodes of one senior within a day that came after the weights had gone live, none of them
resolved as real. One long silence is one episode, however often it is said and however far it rises.
"""

from __future__ import annotations

from typing import NamedTuple

import structlog
from django.db import connection
from prometheus_client import Counter

from monitoring.notification.operators import tell_operators

from .weight_registry import roll_back

log = structlog.get_logger(__name__)

STORM_EPISODES = 3
STORM_SPAN = "24 hours"
MODEL_EPISODE = r"^[0-9]+:(inactivity|no_wake_up|not_returned|night_wandering|routine_change):"
ROLLED_BACK = Counter("anbu_weights_rolled_back", "Weights that an alarm storm took out of service")

STORMS = """
WITH live AS (
    SELECT w.weight_id, w.senior_id, w.version, max(a.activated_at) AS since
    FROM ai_weights w JOIN weight_activations a USING (weight_id) WHERE w.is_active
    GROUP BY w.weight_id
)
SELECT live.weight_id, live.senior_id, live.version, count(DISTINCT regexp_replace(source.source, ':[0-9]+$', ''))
FROM live
JOIN emergency_logs log ON log.senior_id = live.senior_id
JOIN emergency_sources source ON source.log_id = log.log_id
WHERE source.received_at > greatest(live.since, now() - %(span)s::interval)
  AND source.source ~ %(episode)s AND NOT log.test
GROUP BY live.weight_id, live.senior_id, live.version
HAVING count(DISTINCT regexp_replace(source.source, ':[0-9]+$', '')) >= %(episodes)s
   AND NOT bool_or(log.outcome = 'real')
"""


class Storm(NamedTuple):
    weight_id: int
    senior_id: int
    version: int
    episodes: int


def find_storms() -> list[Storm]:
    with connection.cursor() as cursor:
        cursor.execute(STORMS, {"span": STORM_SPAN, "episode": MODEL_EPISODE, "episodes": STORM_EPISODES})
        return [Storm(*row) for row in cursor.fetchall()]


def end_storms() -> int:
    """Rolls back and tells the operators. How many went back; who has nothing to go back to keeps ringing."""
    ended = 0
    for storm in find_storms():
        reason = f"alarm storm: {storm.episodes} alarms within a day"
        former = roll_back(storm.weight_id, reason)
        outcome = f"back to v{former.version}" if former else "there is no version to go back to"
        log.error("alarm_storm", **storm._asdict(), back_to=former.version if former else None)
        tell_operators(
            f"weights:storm:{storm.weight_id}",
            f"Weights v{storm.version} of senior {storm.senior_id}: {reason}; {outcome}. Look at the person first.",
        )
        if former:
            ended += 1
            ROLLED_BACK.inc()
    return ended
