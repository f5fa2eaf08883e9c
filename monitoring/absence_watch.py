"""Looks at the homes of seniors who are away or in hospital: half an hour of ordinary activity, and somebody is asked.

It reads the time-series database, so it runs beside the watchdog's sweeps (slow_watch).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import connection

from . import absences
from .absence_models import Absence
from .sensor_events import hubs_of, recent

if TYPE_CHECKING:
    from collections.abc import Iterable

log = structlog.get_logger(__name__)
AGAIN_AFTER_S = 60
HOMES_A_ROUND = 50
ACTIVE_FOR = timedelta(minutes=30)
LONGEST_PAUSE = timedelta(minutes=10)
LOOKED_BACK = timedelta(minutes=60)
# of people; lights and power go on by themselves while somebody is away
PEOPLE_S_WORDS = frozenset({"motion", "door", "bed", "seat", "toilet", "contact", "item"})
CLAIM = """
    UPDATE absences SET watch_due_at = statement_timestamp() + make_interval(secs => %s)
    WHERE absence_id IN (
        SELECT absence_id FROM absences
        WHERE ended_at IS NULL AND asked_at IS NULL AND kind IN ('away', 'hospital')
            AND starts_at <= statement_timestamp() AND ends_at > statement_timestamp()
            AND watch_due_at <= statement_timestamp()
        ORDER BY watch_due_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
    RETURNING absence_id
"""


def sweep() -> int:
    """Looks at the homes that are due; how many those were. Raises django.db.Error when a database is away."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [AGAIN_AFTER_S, HOMES_A_ROUND])
        due = [absence_id for (absence_id,) in cursor.fetchall()]
    now = datetime.now(UTC)
    rows = Absence.objects.filter(pk__in=due).annotate(counts_from=absences.activity_counts_from())
    for absence_id, senior_id, counts_from in rows.values_list("pk", "senior_id", "counts_from"):
        since = max(counts_from, now - LOOKED_BACK)
        events = recent(hubs_of(senior_id), since)
        moments = [event.timestamp for event in events if is_of_people(event.event_content, event.sensor_value)]
        if is_lively(moments, now) and absences.ask_whether_back(absence_id):
            log.info("the home of an absent senior is lively", senior_id=senior_id)
    return len(due)


def is_of_people(event_content: str, sensor_value: bool) -> bool:
    return sensor_value and event_content.split(" ", 1)[0] in PEOPLE_S_WORDS


def is_lively(moments: Iterable[datetime], now: datetime) -> bool:
    """Whether activity has gone on for half an hour until now, without a longer pause than ten minutes. Pure."""
    newest_first = sorted((moment for moment in moments if moment <= now), reverse=True)
    if not newest_first or now - newest_first[0] > LONGEST_PAUSE:
        return False
    since = newest_first[0]
    for moment in newest_first:
        if since - moment > LONGEST_PAUSE:
            break
        since = moment
    return newest_first[0] - since >= ACTIVE_FOR
