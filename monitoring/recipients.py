"""Who is on each rung of the ladder for a senior, and what an alert lets its receiver see."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from seniors.models import AccessGrant, Role, Staff, StaffSenior

from .ladder import Rung
from .roster import on_duty
from .roster_models import Duty

if TYPE_CHECKING:
    from collections.abc import Iterable

SUPERVISES = Q(role=Role.SUPERVISOR) | Q(is_superuser=True)
GRANT_AFTER_RESOLUTION = timedelta(hours=24)


def on_rung(senior_id: int, rung: int) -> list[Staff]:
    """The active people of a rung. On duty are those who do not care for the senior anyway; where nobody is first, the
    second come in their place."""
    people = Staff.objects.filter(is_active=True)
    mapped = Exists(StaffSenior.objects.filter(senior_id=senior_id, staff_id=OuterRef("pk")))
    if rung == Rung.CASEWORKERS:
        return list(people.filter(mapped).exclude(role=Role.GUARDIAN))
    if rung in (Rung.FIRST, Rung.SECOND):
        first, second = (list(on_duty(name).filter(~mapped)) for name in (Duty.Rung.FIRST, Duty.Rung.SECOND))
        behind = [person for person in second if person not in first] if first else []
        return behind if rung == Rung.SECOND else first or second
    if rung == Rung.SUPERVISORS:
        return supervisors()
    alerted = Exists(AccessGrant.objects.filter(senior_id=senior_id, staff_id=OuterRef("pk"), until__isnull=True))
    concerned = SUPERVISES | mapped | alerted | Q(pk__in=on_duty().values("pk"))
    return list(people.filter(concerned).exclude(role=Role.GUARDIAN))


def supervisors() -> list[Staff]:
    return list(Staff.objects.filter(SUPERVISES, is_active=True))


def first_reached(senior_id: int, rung: int = Rung.CASEWORKERS) -> tuple[int, list[Staff]]:
    """`rung`, or the next one that has anybody on it, and who that is: an empty one is skipped at once."""
    people = on_rung(senior_id, rung)
    while not people and rung < Rung.EVERYBODY:
        rung += 1
        people = on_rung(senior_id, rung)
    return rung, people


def is_assignable(staff: Staff, senior_id: int) -> bool:
    """Whether an emergency of that senior may be handed to `staff`: active, and mapped or on duty."""
    return staff in on_rung(senior_id, Rung.CASEWORKERS) or on_duty().filter(pk=staff.pk).exists()


def sees_anyway(staff: Staff, senior_id: int) -> bool:
    return staff.is_supervisor or StaffSenior.objects.filter(staff_id=staff.pk, senior_id=senior_id).exists()


def grant_access(staff: Iterable[Staff], senior_id: int, log_id: int) -> set[int]:
    """Lets each receiver see that senior while the emergency lasts; the ids of those who could not before."""
    strangers = [person for person in staff if not sees_anyway(person, senior_id)]
    for person in strangers:
        AccessGrant.objects.update_or_create(staff=person, senior_id=senior_id, log_id=log_id, defaults={"until": None})
    return {person.pk for person in strangers}


def end_grants(log_id: int) -> None:
    """The emergency is resolved: what its alerts opened stays open for a day, for the papers."""
    AccessGrant.objects.filter(log_id=log_id, until__isnull=True).update(until=Now() + GRANT_AFTER_RESOLUTION)


def resume_grants(log_id: int) -> None:
    """The resolution was undone: whoever was alerted sees the senior as before."""
    AccessGrant.objects.filter(log_id=log_id).update(until=None)
