"""Faults of the equipment: raised once while they last, seen by somebody, cleared. Never an emergency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from seniors.models import Senior

from . import hints
from .models import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet

    from seniors.models import Staff

BATTERY_LOW_BELOW = 15
BATTERY_GOOD_FROM = 25
CLOCK_OFF_BEYOND_S = 60  # the contract refuses a batch from there
CLOCK_RIGHT_WITHIN_S = 30


@transaction.atomic
def raise_fault(hub_id: int, kind: Fault.Kind, sensor_id: str = "") -> bool:
    """Opens a fault; False when the same one is open already."""
    try:
        with transaction.atomic():
            Fault.objects.create(hub_id=hub_id, kind=kind, sensor_id=sensor_id)
    except IntegrityError:
        if not Fault.objects.filter(hub_id=hub_id, kind=kind, sensor_id=sensor_id, cleared_at=None).exists():
            raise  # not the fault's own constraint: there is no such hub
        return False
    hints.send_hint_on_commit(hints.STAFF_FEED)
    return True


@transaction.atomic
def clear_fault(hub_id: int, kind: Fault.Kind, sensor_id: str = "") -> bool:
    """Ends an open fault; False when none is open."""
    return _clear(Fault.objects.filter(hub_id=hub_id, kind=kind, sensor_id=sensor_id)) > 0


def clear_of_many(hub_ids: Iterable[int], kind: Fault.Kind) -> int:
    """Ends the open faults of one kind of many hubs; returns how many."""
    return _clear(Fault.objects.filter(hub_id__in=hub_ids, kind=kind))


def clear_all(hub_id: int) -> int:
    """Ends every open fault of a hub whose equipment is gone; returns how many."""
    return _clear(Fault.objects.filter(hub_id=hub_id))


@transaction.atomic
def mark_seen(fault: Fault, by: Staff) -> bool:
    """Notes who saw a fault first; False when somebody had."""
    seen = Fault.objects.filter(pk=fault.pk, seen_at=None).update(seen_at=Now(), seen_by=by, changed_at=Now())
    if seen:
        hints.send_hint_on_commit(hints.STAFF_FEED)
    return seen > 0


def visible(user: Staff | AnonymousUser) -> QuerySet[Fault]:
    """The faults in the homes of those whom `user` may know of, newest first."""
    return Fault.objects.filter(hub__senior__in=Senior.objects.visible_to(user)).select_related("hub")


@transaction.atomic
def judge_equipment(hub_id: int, battery: int | None, robot_online: bool) -> None:
    """Raises and clears what a heartbeat says of battery (per cent, None = has none or does not know) and robot."""
    if robot_online:
        clear_fault(hub_id, Fault.Kind.ROBOT_OFFLINE)
    else:
        raise_fault(hub_id, Fault.Kind.ROBOT_OFFLINE)
    band = battery_band(battery)
    if band == "low":
        raise_fault(hub_id, Fault.Kind.BATTERY_LOW)
    elif band == "good":
        clear_fault(hub_id, Fault.Kind.BATTERY_LOW)


def battery_band(battery: int | None) -> Literal["low", "good", "between"]:
    """`between` leaves a fault as it is, so that a battery at the edge does not flap."""
    if battery is None or BATTERY_LOW_BELOW <= battery < BATTERY_GOOD_FROM:
        return "between"
    return "low" if battery < BATTERY_LOW_BELOW else "good"


def judge_clock(hub_id: int, skew_s: int) -> None:
    """Raises and clears what a hub's own time says of its clock. `skew_s` is our clock minus the hub's."""
    band = clock_band(skew_s)
    if band == "off":
        raise_fault(hub_id, Fault.Kind.CLOCK_SKEW)
    elif band == "right":
        clear_fault(hub_id, Fault.Kind.CLOCK_SKEW)


def clock_band(skew_s: int) -> Literal["off", "right", "between"]:
    """`between` leaves a fault as it is."""
    if abs(skew_s) > CLOCK_OFF_BEYOND_S:
        return "off"
    return "right" if abs(skew_s) <= CLOCK_RIGHT_WITHIN_S else "between"


def _clear(chosen: QuerySet[Fault]) -> int:
    cleared = chosen.filter(cleared_at=None).update(cleared_at=Now(), changed_at=Now())
    if cleared:
        hints.send_hint_on_commit(hints.STAFF_FEED)
    return cleared
