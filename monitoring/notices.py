"""Telling people what is no emergency: one row a person, told once, shown until seen or over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from devices import hints
from seniors.models import Senior, Staff

from .notice_models import Notice
from .notification.planning import plan_notices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

OPEN = Q(seen_at=None, closed_at=None)
FOLDED_FOR = timedelta(minutes=10)  # what comes of one cause comes within this of the first


@transaction.atomic
def tell(
    people: Iterable[Staff],
    kind: Notice.Kind,
    key: str,
    *,
    senior_id: int | None = None,
    values: dict[str, Any] | None = None,
    rings: bool = False,
) -> list[Notice]:
    """Tells each of `people` once for `key`; inside the transaction of the fact. Returns what is new."""
    told = set(Notice.objects.filter(key=key).values_list("staff_id", flat=True))
    fresh = [
        Notice(staff=person, kind=kind, senior_id=senior_id, key=key, values=values or {}, rings=rings)
        for person in people
        if person.pk not in told
    ]
    if not fresh:
        return []
    Notice.objects.bulk_create(fresh, ignore_conflicts=True)
    hints.send_hint_on_commit(hints.STAFF_FEED)
    new = list(Notice.objects.filter(key=key).exclude(staff__in=told).select_related("staff", "senior"))
    plan_notices(new)
    return new


@transaction.atomic
def tell_of_fault(people: Iterable[Staff], kind: Notice.Kind, fault_id: int, senior_id: int) -> None:
    """Tells of a fault. Those of many homes at once are one notice that grows, since one line or power cut did it."""
    for person in people:
        recent = Notice.objects.select_for_update().filter(
            staff=person, kind=kind, seen_at=None, closed_at=None, created_at__gt=Now() - FOLDED_FOR
        )
        growing = recent.order_by("-notice_id").first()
        if growing is None:
            tell([person], kind, f"fault:{fault_id}", senior_id=senior_id, values={"fault_ids": [fault_id]}, rings=True)
        elif fault_id not in growing.values["fault_ids"]:
            grown = {"fault_ids": [*growing.values["fault_ids"], fault_id]}
            # it is about more than one senior from here on
            Notice.objects.filter(pk=growing.pk).update(values=grown, senior=None, changed_at=Now())
            hints.send_hint_on_commit(hints.STAFF_FEED)


def told_to(user: Staff) -> QuerySet[Notice]:
    """All that this person was told about seniors whom they may still know of, newest first."""
    visible = Q(senior=None) | Q(senior__in=Senior.objects.visible_to(user))
    return Notice.objects.filter(visible, staff=user).order_by("-notice_id")


def open_for(user: Staff) -> QuerySet[Notice]:
    """Of these what they have not seen and is not over."""
    return told_to(user).filter(OPEN)


def mark_seen(notice_id: int, by: Staff) -> bool:
    """False when it was seen or is somebody else's."""
    seen = Notice.objects.filter(pk=notice_id, staff=by, seen_at=None).update(seen_at=Now(), changed_at=Now())
    if seen:
        hints.send_hint_on_commit(hints.STAFF_FEED)
    return seen > 0


def close(notices: QuerySet[Notice]) -> int:
    """What they told of is over: they ring and show no more."""
    closed = notices.filter(closed_at=None).update(closed_at=Now(), changed_at=Now())
    if closed:
        hints.send_hint_on_commit(hints.STAFF_FEED)
    return closed
