"""Watches the watchers: each minute it looks, in SQL alone, for what was to happen about an alarm and did not.

It shares no code with the steps that it judges. What it finds is told to the operators; only while it finds nothing is
the heartbeat URL called, at which somebody outside notices when this whole machine falls silent.
"""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING, NamedTuple

import structlog
from django.conf import settings
from django.db import connection, connections
from prometheus_client import Gauge

from .notification.operators import tell_operators

if TYPE_CHECKING:
    from datetime import datetime

log = structlog.get_logger(__name__)
HEARTBEAT_WITHIN_S = 10.0
FOUND = Gauge("anbu_audit_findings", "What should have happened about alarms and did not, at the last audit", ["code"])
LAST_AUDIT = Gauge("anbu_audit_last_seconds", "When the last audit ended, Unix time")

# Each counts rows and names one of them. A step may be half a minute late before it is missed here; the ladder is
# measured against less by the fault suite.
CHECKS = {
    "step_missed": """
        SELECT count(*), min(log_id) FROM emergency_logs
        WHERE status = 'open' AND step_due_at < now() - interval '30 seconds'
    """,
    "no_step_planned": """
        SELECT count(*), min(log_id) FROM emergency_logs
        WHERE status = 'open' AND step_due_at IS NULL AND test_due_at IS NULL
            AND detected_at < now() - interval '30 seconds'
    """,
    "test_not_ended": """
        SELECT count(*), min(log_id) FROM emergency_logs
        WHERE test AND status <> 'resolved' AND test_due_at < now() - interval '30 seconds'
    """,
    "owner_not_followed": """
        SELECT count(*), min(log_id) FROM emergency_logs
        WHERE status = 'acknowledged'
            AND least(ask_due_at, ask_expires_at, snoozed_until, remind_due_at) < now() - interval '60 seconds'
    """,
    "hand_over_not_ended": """
        SELECT count(*), min(log_id) FROM emergency_logs
        WHERE status <> 'resolved' AND assign_due_at < now() - interval '60 seconds'
    """,
    "nobody_alerted": """
        SELECT count(*), min(log_id) FROM emergency_logs
        WHERE status = 'open' AND detected_at < now() - interval '60 seconds'
            AND NOT EXISTS (SELECT FROM alert_deliveries WHERE alert_deliveries.log_id = emergency_logs.log_id)
    """,
    "announcement_without_number": """
        SELECT count(*), min(log_id) FROM emergency_outbox
        WHERE seq IS NULL AND created_at < now() - interval '30 seconds'
    """,
    "message_not_sent": """
        SELECT count(*), min(log_id) FROM notifications
        WHERE state = 'waiting' AND due_at < now() - interval '120 seconds'
    """,
    "check_without_end": """
        SELECT count(*), min(check_id) FROM safety_checks
        WHERE status IN ('requested', 'delivered') AND expires_at < now() - interval '30 seconds'
    """,
}
# The AI workers say something about every senior at least each minute: what came two minutes before their last word
# and is not covered by it has waited for its score for over a minute.
ARRIVED = """
    SELECT hub_id, max(received_at) FROM ingest_batches
    WHERE batch_id > (SELECT max(batch_id) FROM ingest_batches) - 100000
        AND received_at BETWEEN now() - interval '15 minutes' AND now() - interval '125 seconds'
    GROUP BY hub_id
"""
UNSCORED = """
    SELECT count(*), min(iot_hubs.senior_id)
    FROM unnest(%s::int[], %s::timestamptz[]) AS arrived (hub_id, received_at)
    JOIN iot_hubs USING (hub_id)
    LEFT JOIN risk_states ON risk_states.senior_id = iot_hubs.senior_id
    WHERE deregistered_at IS NULL AND (risk_states.observed_at IS NULL OR risk_states.observed_at < received_at)
"""
WORDS = {
    "step_missed": "emergencies are open whose next step is overdue: does the watchdog run?",
    "no_step_planned": "emergencies are open and have no next step",
    "test_not_ended": "tests are overdue and do not ring as real: does the watchdog run?",
    "owner_not_followed": "emergencies have an owner whom nobody asks: does the watchdog run?",
    "hand_over_not_ended": "hand-overs are overdue: does the watchdog run?",
    "nobody_alerted": "emergencies are open of which nobody was alerted: is there an active person to tell?",
    "announcement_without_number": "announcements have no place in the log: does the sequencer stand still?",
    "message_not_sent": "messages wait for their channel: does the watchdog's sender run?",
    "check_without_end": "safety checks are over their time: does the watchdog run?",
    "unscored": "seniors' events have waited for a score for over a minute: do the scoring workers and beat run?",
}


class Finding(NamedTuple):
    """`example` is the id of one of them: of an emergency, a safety check, or (unscored) a senior."""

    code: str
    rows: int
    example: int | None

    def __str__(self) -> str:
        return f"{self.rows} {WORDS[self.code]} (for example {self.example})"


def audit() -> int:
    """Looks, tells the operators of what it finds, calls the heartbeat URL when it finds nothing; how much it found.

    Raises django.db.Error when a database is away."""
    findings = look()
    for code in WORDS:
        FOUND.labels(code).set(sum(finding.rows for finding in findings if finding.code == code))
    for finding in findings:
        log.error("the audit found something", code=finding.code, rows=finding.rows, example=finding.example)
        tell_operators(f"audit:{finding.code}", str(finding))
    if not findings:
        beat()
    LAST_AUDIT.set_to_current_time()
    return len(findings)


def look() -> list[Finding]:
    """What is amiss now, by the databases' clocks."""
    findings = []
    with connection.cursor() as cursor:
        for code, statement in CHECKS.items():
            cursor.execute(statement)
            findings.append(Finding(code, *cursor.fetchone()))
        arrived = read_arrived()
        cursor.execute(UNSCORED, [[hub_id for hub_id, _ in arrived], [at for _, at in arrived]])
        findings.append(Finding("unscored", *cursor.fetchone()))
    return [finding for finding in findings if finding.rows]


def read_arrived() -> list[tuple[int, datetime]]:
    """Hubs whose events came in the last quarter of an hour, but for the last two minutes, and when the last came."""
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(ARRIVED)
        return list(cursor.fetchall())


def beat() -> None:
    """Calls the heartbeat URL, if there is one. That it cannot be reached is its watcher's to notice."""
    if not settings.ANBU_HEARTBEAT_URL:
        return
    try:
        request = urllib.request.Request(settings.ANBU_HEARTBEAT_URL, method="GET")  # noqa: S310 - checked in settings
        with urllib.request.urlopen(request, timeout=HEARTBEAT_WITHIN_S):  # noqa: S310
            pass
    except OSError as error:
        log.warning("the heartbeat URL does not answer", error=str(error))
