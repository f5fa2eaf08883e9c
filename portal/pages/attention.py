"""Seniors in the order in which they need a look, a page at a time, however many there are.

A sort of a whole province for the fifty at its top would cost a second. Those who need a look are few and found by
indexes; only a page that reaches beyond them sorts the calm ones too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Case, Value, When

from monitoring.models import EmergencyLog, RiskState
from portal.api.senior_rows import ORDERINGS, senior_rows
from seniors.models import Senior

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from seniors.models import Staff

UNRESOLVED_FIRST = Case(When(open_emergencies__gt=0, then=Value(0)), default=Value(1))
ORDER = [UNRESOLVED_FIRST, *ORDERINGS["risk"]]
# the worst levels, which come before all others in the order by risk
TO_LOOK_AFTER = [RiskState.Level.EMERGENCY, RiskState.Level.WARNING, RiskState.Level.WATCH]


class ByAttention:
    """What a paginator needs of a list: its length, and a slice of it as rows of `senior_rows`."""

    def __init__(self, user: Staff) -> None:
        self._user = user

    def count(self, limit: int) -> int:
        """How many there are; more than `limit` is `limit`."""
        return Senior.objects.visible_to(self._user).order_by()[:limit].count()

    def __getitem__(self, wanted: slice) -> list[Any]:
        start, stop = wanted.start or 0, wanted.stop
        urgent = self._urgent()
        ids = list(self._ordered(urgent)[:stop])
        if len(ids) < stop:
            rest = self._ordered(senior_rows(self._user).exclude(pk__in=urgent.order_by().values("pk")))
            ids += rest[: stop - len(ids)]
        rows = {row.pk: row for row in senior_rows(self._user).filter(pk__in=ids[start:]).order_by()}
        return [rows[pk] for pk in ids[start:] if pk in rows]

    def _urgent(self) -> QuerySet[Senior]:
        troubled = EmergencyLog.objects.unresolved().order_by().values("senior_id")
        watched = RiskState.objects.filter(level__in=TO_LOOK_AFTER).values("senior_id")
        return senior_rows(self._user).filter(pk__in=troubled.union(watched))

    def _ordered(self, rows: QuerySet[Senior]) -> QuerySet[Senior, int]:
        return rows.order_by(*ORDER).values_list("pk", flat=True)
