"""What the statistics count, each by one statement. Rows are tuples in the order of the page's columns.

`seniors` None means all of them. Shares are 0..1, None where there is nothing to share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection

from monitoring.models import EventType
from monitoring.notice_models import DueTask
from monitoring.sensor_words import say_sensor
from portal.pages.share_bars import Share

if TYPE_CHECKING:
    from datetime import datetime


def count_responses(since: datetime, seniors: list[int] | None) -> list[tuple[Any, ...]]:
    """Week (its Monday), emergencies, share taken within 60 s and within 180 s, the newest week first."""
    rows = _select(
        """
        SELECT to_char(date_trunc('week', detected_at AT TIME ZONE 'Asia/Seoul'), 'YYYY-MM-DD'), count(*),
            avg(coalesce((acknowledged_at - detected_at <= interval '60 s')::int, 0)),
            avg(coalesce((acknowledged_at - detected_at <= interval '180 s')::int, 0))
        FROM emergency_logs
        WHERE detected_at >= %(since)s AND NOT test AND outcome <> 'test'
            AND (acknowledged_at IS NOT NULL OR detected_at < now() - interval '180 s')
            AND (%(all)s OR senior_id = ANY(%(seniors)s))
        GROUP BY 1 ORDER BY 1 DESC LIMIT 50
        """,
        since,
        seniors,
    )
    return [(week, count, _share(minute), _share(three)) for week, count, minute, three in rows]


def count_outcomes(since: datetime, seniors: list[int] | None) -> list[tuple[Any, ...]]:
    """Type, real, false alarms, equipment, share of false alarms."""
    rows = _select(
        """
        SELECT event_type, count(*) FILTER (WHERE outcome = 'real'), count(*) FILTER (WHERE outcome = 'false_alarm'),
            count(*) FILTER (WHERE outcome = 'equipment')
        FROM emergency_logs
        WHERE detected_at >= %(since)s AND NOT test AND outcome NOT IN ('', 'test')
            AND (%(all)s OR senior_id = ANY(%(seniors)s))
        GROUP BY 1 ORDER BY count(*) DESC
        """,
        since,
        seniors,
    )
    labels = dict(EventType.choices)
    return [(str(labels.get(kind, kind)), *_with_share(counts)) for kind, *counts in rows]


def count_sensor_outcomes(since: datetime, seniors: list[int] | None) -> list[tuple[Any, ...]]:
    """The same by the sensor whose panic event raised it: its source key names it (monitoring.ingest.panic_source)."""
    rows = _select(
        """
        SELECT source.sensor, count(*) FILTER (WHERE outcome = 'real'),
            count(*) FILTER (WHERE outcome = 'false_alarm'), count(*) FILTER (WHERE outcome = 'equipment')
        FROM emergency_logs JOIN LATERAL (
            SELECT substring(source FROM '^panic:[0-9]+:[a-z]+:(.*):[0-9]{4}-[0-9]{2}-') AS sensor
            FROM emergency_sources
            WHERE emergency_sources.log_id = emergency_logs.log_id AND source LIKE 'panic:%%' LIMIT 1
        ) source ON true
        WHERE detected_at >= %(since)s AND NOT test AND outcome NOT IN ('', 'test') AND sensor IS NOT NULL
            AND (%(all)s OR senior_id = ANY(%(seniors)s))
        GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT 50
        """,
        since,
        seniors,
    )
    return [(say_sensor(sensor), *_with_share(counts)) for sensor, *counts in rows]


def count_tasks(since: datetime, seniors: list[int] | None) -> list[tuple[Any, ...]]:
    """Kind, done by the end of the day on which it was due, done later, still open, share done in time."""
    rows = _select(
        """
        SELECT kind, count(*) FILTER (WHERE done_at <= due_at + interval '6 hours'),
            count(*) FILTER (WHERE done_at > due_at + interval '6 hours'), count(*) FILTER (WHERE done_at IS NULL)
        FROM due_tasks WHERE due_at >= %(since)s AND due_at <= now() AND (%(all)s OR senior_id = ANY(%(seniors)s))
        GROUP BY 1 ORDER BY 1
        """,
        since,
        seniors,
    )
    labels = dict(DueTask.Kind.choices)
    return [
        (str(labels.get(kind, kind)), timely, late, left, _share(timely / (timely + late + left)))
        for kind, timely, late, left in rows
    ]


def count_uptime(since: datetime, seniors: list[int] | None) -> list[tuple[Any, ...]]:
    """Hub, silences, their hours, share of the time in which it was connected: the worst first."""
    rows = _select(
        """
        SELECT device_id, count(*),
            sum(extract(epoch FROM coalesce(cleared_at, now()) - greatest(since, %(since)s))) / 3600,
            extract(epoch FROM now() - greatest(min(registered_at), %(since)s)) / 3600
        FROM faults JOIN iot_hubs USING (hub_id)
        WHERE kind = 'hub_offline' AND deregistered_at IS NULL AND coalesce(cleared_at, now()) > %(since)s
            AND (%(all)s OR senior_id = ANY(%(seniors)s))
        GROUP BY hub_id, device_id ORDER BY 3 DESC LIMIT 50
        """,
        since,
        seniors,
    )
    return [
        (device, times, round(float(hours), 1), _share(1 - min(1.0, float(hours) / float(known))) if known else None)
        for device, times, hours, known in rows
    ]


def _select(statement: str, since: datetime, seniors: list[int] | None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"since": since, "all": seniors is None, "seniors": seniors or []})
        return list(cursor.fetchall())


def _with_share(counts: list[int]) -> tuple[Any, ...]:
    real, false_alarms, equipment = counts
    total = real + false_alarms + equipment
    return real, false_alarms, equipment, _share(false_alarms / total) if total else None


def _share(value: Any) -> Share | None:
    return None if value is None else Share(round(float(value), 3))
