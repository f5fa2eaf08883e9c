"""Spans of a senior's past that teach nothing about ordinary days: real emergencies, broken equipment, absences.

Read by the AI workers' role. A false alarm is an ordinary day and stays in: it is what the next weights must bear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from django.db import connections

from .features import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .features import Life, Seconds

NOT_ORDINARY = ["real", "equipment"]


def leave_out_days(life: Life, spans: Seconds) -> Life:
    """The life without the days that a span (local seconds, shape (m, 2)) touches. Pure.

    Whole days go, so that what is left has a gap of more than a day there, which teaches nothing: cut out alone, an
    absence of hours would be learned as a silence of that person.
    """
    days = np.floor(life.times / DAY)
    kept = np.ones(days.shape, dtype=np.bool_)
    for first, last in np.floor(spans / DAY):
        kept &= (days < first) | (days > last)
    return life.choose(kept)


def read_excluded_spans(senior_ids: Sequence[int], days: int) -> dict[int, Seconds]:
    """Spans (start, end) in epoch seconds by senior id, shape (m, 2), in order, overlapping ones joined.

    A senior without any is left out. An emergency lasts from when it occurred until it was resolved, an absence until
    it was ended or is to end.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute(
            """
            SELECT senior_id, extract(epoch FROM starts)::float8, extract(epoch FROM ends)::float8 FROM (
                SELECT senior_id, occurred_at AS starts, resolved_at AS ends FROM emergency_logs
                WHERE senior_id = ANY(%(seniors)s) AND outcome = ANY(%(outcomes)s) AND resolved_at IS NOT NULL
                UNION ALL
                SELECT senior_id, starts_at, coalesce(ended_at, ends_at) FROM absences
                WHERE senior_id = ANY(%(seniors)s)
            ) AS span
            WHERE ends > starts AND ends > now() - make_interval(days => %(days)s)
            ORDER BY senior_id, starts
            """,
            {"seniors": list(senior_ids), "outcomes": NOT_ORDINARY, "days": days},
        )
        rows = cursor.fetchall()
    spans: dict[int, list[list[float]]] = {}
    for senior_id, start, end in rows:
        of_senior = spans.setdefault(senior_id, [])
        if of_senior and start <= of_senior[-1][1]:
            of_senior[-1][1] = max(of_senior[-1][1], end)
        else:
            of_senior.append([start, end])
    return {senior_id: np.array(of_senior, dtype=np.float64) for senior_id, of_senior in spans.items()}
