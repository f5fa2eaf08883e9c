"""Calls and visits that are due by the calendar: opened once a day for everybody, by one statement.

Nobody is left longer than a month without a call or two months without a visit, as the public service asks; whoever the
model worries about is heard of sooner. A senior's own plan stands above both.
"""

from __future__ import annotations

from django.db import connection

CALLS_EVERY_DAYS = {"usual": 30, "watch": 14, "warning": 7}
VISITS_EVERY_DAYS = {"usual": 60, "watch": 60, "warning": 30}
DUE_HOUR = 18  # of the day on which it is due, in Seoul: it is late from the evening on

# a visit is a call too; tried and not reached is not done, and comes again the next day
OPEN_DUE = """
    WITH plans AS (
        SELECT senior.senior_id, kind,
            CASE kind
                WHEN 'call' THEN coalesce(plan.calls_every_days, CASE
                    WHEN risk.level IN ('warning', 'emergency') THEN %(call_warning)s
                    WHEN risk.level = 'watch' THEN %(call_watch)s ELSE %(call_usual)s END)
                ELSE coalesce(plan.visits_every_days, CASE
                    WHEN risk.level IN ('warning', 'emergency') THEN %(visit_warning)s
                    WHEN risk.level = 'watch' THEN %(visit_watch)s ELSE %(visit_usual)s END)
            END AS every,
            coalesce((
                SELECT max(task.done_at) FROM due_tasks task
                WHERE task.senior_id = senior.senior_id
                AND (task.outcome = 'visited' OR (task.outcome = 'reached' AND kind = 'call'))
            ), senior.created_at) AS last_at
        FROM seniors senior
        CROSS JOIN (VALUES ('call'), ('visit')) AS kinds (kind)
        LEFT JOIN care_plans plan USING (senior_id)
        LEFT JOIN risk_states risk USING (senior_id)
    ), due AS (
        SELECT senior_id, kind, every,
            (date_trunc('day', last_at AT TIME ZONE 'Asia/Seoul') + make_interval(days => every, hours => %(hour)s))
                AT TIME ZONE 'Asia/Seoul' AS due_at
        FROM plans
    )
    INSERT INTO due_tasks (senior_id, kind, code, "values", key, due_at, outcome, note)
    SELECT senior_id, kind, 'scheduled', jsonb_build_object('every_days', every),
        'schedule:' || senior_id || ':' || kind || ':' || (now() AT TIME ZONE 'Asia/Seoul')::date, due_at, '', ''
    FROM due
    WHERE due_at < (date_trunc('day', now() AT TIME ZONE 'Asia/Seoul') + interval '1 day') AT TIME ZONE 'Asia/Seoul'
    AND NOT EXISTS (
        SELECT 1 FROM due_tasks task
        WHERE task.senior_id = due.senior_id AND task.kind = due.kind AND task.done_at IS NULL
        AND task.code = 'scheduled'
    )
    ON CONFLICT (key) DO NOTHING
"""


def open_due() -> int:
    """Opens every scheduled call and visit that is due by the end of today; returns how many. Again, it opens none."""
    numbers = {f"call_{level}": days for level, days in CALLS_EVERY_DAYS.items()}
    numbers |= {f"visit_{level}": days for level, days in VISITS_EVERY_DAYS.items()}
    with connection.cursor() as cursor:
        cursor.execute(OPEN_DUE, {**numbers, "hour": DUE_HOUR})
        opened: int = cursor.rowcount
        return opened
