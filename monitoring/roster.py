"""The on-call roster: who is on duty now, and where nobody will be."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Q
from django.db.models.functions import Now

from seniors.models import Role, Staff

from .roster_models import Duty

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import QuerySet

GAPS_SEEN_AHEAD = timedelta(days=7)


class Span(NamedTuple):
    starts_at: datetime
    ends_at: datetime


def on_duty(rung: str | None = None) -> QuerySet[Staff]:
    """The active people whose shift it is now, by the database's clock; of one rung or of both."""
    duties = Duty.objects.filter(starts_at__lte=Now(), ends_at__gt=Now())
    if rung:
        duties = duties.filter(rung=rung)
    return may_serve().filter(pk__in=duties.values("staff_id"))


def may_serve() -> QuerySet[Staff]:
    """Who can be put on the roster: active, and no guardian."""
    return Staff.objects.filter(Q(is_superuser=True) | ~Q(role=Role.GUARDIAN), is_active=True)


def gaps_ahead(now: datetime, span: timedelta = GAPS_SEEN_AHEAD) -> list[Span]:
    """When from `now` on nobody is first on duty, within `span`."""
    until = now + span
    duties = Duty.objects.filter(rung=Duty.Rung.FIRST, ends_at__gt=now, starts_at__lt=until, staff__in=may_serve())
    return find_gaps((Span(*row) for row in duties.values_list("starts_at", "ends_at")), now, until)


def find_gaps(shifts: Iterable[Span], since: datetime, until: datetime) -> list[Span]:
    """What `shifts` leave open between `since` and `until`. Pure."""
    gaps, covered = [], since
    for shift in sorted(shifts):
        if shift.starts_at > covered:
            gaps.append(Span(covered, min(shift.starts_at, until)))
        covered = max(covered, shift.ends_at)
        if covered >= until:
            return gaps
    return [*gaps, Span(covered, until)]
