"""How soon a person takes an emergency: the shares within 60 s and 180 s, by week and by person.

Telecare services promise 97.5 % within 60 s and 99 % within 180 s (TSA's quality standard). Counted are emergencies of
`critical` and `high`, no tests. One that still waits counts as missed as soon as the time in question is over.
"""

from __future__ import annotations

import csv
import io
import statistics
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from seniors.models import Staff

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SEOUL = ZoneInfo("Asia/Seoul")
LIMITS_S = (60, 180)
PROMISED = {60: 0.975, 180: 0.99}
READ = """
    SELECT emergency_logs.log_id, raised.at, taken.by_id,
        extract(epoch FROM coalesce(taken.at, statement_timestamp()) - raised.at)::float8
    FROM emergency_logs
    JOIN LATERAL (
        SELECT at FROM emergency_transitions
        WHERE log_id = emergency_logs.log_id AND kind = 'raised' ORDER BY id LIMIT 1
    ) AS raised ON true
    LEFT JOIN LATERAL (
        SELECT at, by_id FROM emergency_transitions
        WHERE log_id = emergency_logs.log_id AND kind IN ('acknowledged', 'resolved') AND by_id IS NOT NULL
        ORDER BY id LIMIT 1
    ) AS taken ON true
    WHERE NOT test AND outcome <> 'test' AND severity IN ('critical', 'high') AND raised.at >= %s AND raised.at < %s
    ORDER BY raised.at
"""


class Taking(NamedTuple):
    """One emergency: who took it first, and after how long; with `taken_by` None how long it has waited till now."""

    log_id: int
    raised_at: datetime
    taken_by: int | None
    waited_s: float


@dataclass(frozen=True)
class Share:
    """Of `counted` emergencies, those whose time is over or who were taken, `met` were taken in time."""

    limit_s: int
    met: int
    counted: int

    @property
    def value(self) -> float | None:
        return self.met / self.counted if self.counted else None

    @property
    def is_kept(self) -> bool | None:
        """Whether the promise is kept; None where there is nothing to judge."""
        return None if self.value is None else self.value >= PROMISED[self.limit_s]


@dataclass(frozen=True)
class Line:
    """`name` is the first day of a week (Monday, in Korea) or a person's name; times are of what was taken."""

    name: str
    emergencies: int
    waiting: int
    shares: tuple[Share, ...]
    median_s: float | None
    longest_s: float | None


@dataclass(frozen=True)
class Report:
    """`people` are those who took something, by name; what nobody took is in the weeks and the whole alone."""

    since: datetime
    until: datetime
    whole: Line
    weeks: list[Line]
    people: list[Line]


def report(since: datetime, until: datetime) -> Report:
    """Of the emergencies raised from `since` until just before `until`."""
    takings = read_takings(since, until)
    by_week: dict[date, list[Taking]] = defaultdict(list)
    by_person: dict[int, list[Taking]] = defaultdict(list)
    for taking in takings:
        by_week[week_of(taking.raised_at)].append(taking)
        if taking.taken_by is not None:
            by_person[taking.taken_by].append(taking)
    names = dict(Staff.objects.filter(pk__in=by_person).values_list("staff_id", "full_name"))
    people = [sum_up(names[staff_id], of_them) for staff_id, of_them in by_person.items()]
    return Report(
        since,
        until,
        sum_up("", takings),
        [sum_up(monday.isoformat(), of_it) for monday, of_it in sorted(by_week.items())],
        sorted(people, key=lambda line: line.name),
    )


def live(span: timedelta = timedelta(days=7)) -> Line:
    """Of the last days, till now."""
    now = datetime.now(UTC)
    return sum_up("", read_takings(now - span, now + timedelta(minutes=1)))


def read_takings(since: datetime, until: datetime) -> list[Taking]:
    with connection.cursor() as cursor:
        cursor.execute(READ, [since, until])
        return [Taking(*row) for row in cursor.fetchall()]


def week_of(moment: datetime) -> date:
    """The Monday of its week in Korea."""
    day = moment.astimezone(SEOUL).date()
    return day - timedelta(days=day.weekday())


def sum_up(name: str, takings: Sequence[Taking]) -> Line:
    taken = [taking.waited_s for taking in takings if taking.taken_by is not None]
    return Line(
        name=name,
        emergencies=len(takings),
        waiting=len(takings) - len(taken),
        shares=tuple(share_of(takings, limit_s) for limit_s in LIMITS_S),
        median_s=statistics.median(taken) if taken else None,
        longest_s=max(taken, default=None),
    )


def share_of(takings: Iterable[Taking], limit_s: int) -> Share:
    counted = [taking for taking in takings if taking.taken_by is not None or taking.waited_s > limit_s]
    met = sum(1 for taking in counted if taking.taken_by is not None and taking.waited_s <= limit_s)
    return Share(limit_s, met, len(counted))


def as_csv(told: Report) -> str:
    """A table for spreadsheets: the whole, then weeks, then people."""
    out = io.StringIO()
    table = csv.writer(out)
    shares = [
        column for limit in LIMITS_S for column in (f"within_{limit}_s", f"counted_{limit}_s", f"share_{limit}_s")
    ]
    table.writerow(["kind", "name", "emergencies", "waiting", *shares, "median_s", "longest_s"])
    lines = [
        ("whole", told.whole),
        *(("week", line) for line in told.weeks),
        *(("person", line) for line in told.people),
    ]
    for kind, line in lines:
        figures = [cell for share in line.shares for cell in (share.met, share.counted, _round(share.value, 4))]
        times = (_round(line.median_s, 1), _round(line.longest_s, 1))
        table.writerow([kind, _inert(line.name), line.emergencies, line.waiting, *figures, *times])
    return out.getvalue()


def _round(value: float | None, digits: int) -> float | str:
    return "" if value is None else round(value, digits)


def _inert(name: str) -> str:
    """A name that a spreadsheet takes for a formula is none."""
    return f"'{name}" if name[:1] in {"=", "+", "-", "@", "\t", "\r"} else name
