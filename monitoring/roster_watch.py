"""Tells supervisors, before anything happens, where the roster has gaps and when nobody on duty could be reached."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Max

from seniors.models import Staff

from . import notices
from .notice_models import Notice
from .reachability import reachable
from .recipients import supervisors
from .roster import Span, gaps_ahead, on_duty
from .roster_models import Duty

COMES_LATE = timedelta(minutes=10)  # a shift has begun, and its people may still be logging in
TOLD_AGAIN_AFTER = timedelta(hours=1)


def sweep() -> int:
    """How many notices it wrote. Two watchdogs may both look: a person is told once all the same."""
    now = datetime.now(UTC)
    return tell_of_gaps(now) + tell_of_nobody(now)


@transaction.atomic
def tell_of_gaps(now: datetime) -> int:
    """Tells each supervisor once of each gap in the week ahead, several in one notice; one that was filled is over."""
    gaps = {_begin(gap, now): gap for gap in gaps_ahead(now)}
    written = 0
    for person in supervisors():
        told = Notice.objects.select_for_update().filter(staff=person, kind=Notice.Kind.ROSTER_GAP)
        lists = dict(told.filter(notices.OPEN).values_list("pk", "values"))
        filled = [pk for pk, values in lists.items() if not gaps.keys() & set(values["gaps"])]
        notices.close(Notice.objects.filter(pk__in=filled))
        known = {begin for values in told.values_list("values", flat=True) for begin in values["gaps"]}
        fresh = [begin for begin in gaps if begin not in known]
        if fresh:
            first = gaps[fresh[0]]
            values = {"gaps": fresh, "from": first.starts_at.isoformat(), "until": first.ends_at.isoformat()}
            written += len(
                notices.tell([person], Notice.Kind.ROSTER_GAP, f"gap:{','.join(fresh)}"[:300], values=values)
            )
    return written


@transaction.atomic
def tell_of_nobody(now: datetime) -> int:
    """Tells supervisors while nobody on duty is logged in or has another channel, again each hour."""
    shifts = Duty.objects.filter(starts_at__lte=now - COMES_LATE, ends_at__gt=now)
    people = list(on_duty())
    open_ = Notice.objects.filter(notices.OPEN, kind=Notice.Kind.DUTY_UNREACHABLE)
    if not people or not shifts.exists() or reachable(people):
        notices.close(open_)
        return 0
    list(Staff.objects.select_for_update().filter(pk__in=[person.pk for person in people]).order_by("pk"))
    lately = Notice.objects.filter(kind=Notice.Kind.DUTY_UNREACHABLE, created_at__gt=now - TOLD_AGAIN_AFTER)
    if lately.exists():
        return 0
    values = {"staff_ids": [person.pk for person in people]}
    key = f"duty_unreachable:{now.isoformat(timespec='minutes')}"
    return len(notices.tell(supervisors(), Notice.Kind.DUTY_UNREACHABLE, key, values=values, rings=True))


def _begin(gap: Span, now: datetime) -> str:
    """What a gap is known by: when it begins, or began. Its end moves with the week that is looked at."""
    if gap.starts_at > now:
        return gap.starts_at.isoformat()
    last = Duty.objects.filter(rung=Duty.Rung.FIRST, ends_at__lte=now).aggregate(at=Max("ends_at"))["at"]
    return last.isoformat() if last else "ever"
