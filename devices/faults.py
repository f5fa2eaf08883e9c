"""Faults of the equipment: raised once while they last, seen by somebody, cleared. Never an emergency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

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
EQUIPMENT = (Fault.Kind.ROBOT_OFFLINE, Fault.Kind.BATTERY_LOW, Fault.Kind.CLOCK_SKEW)


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


class Finding(NamedTuple):
    """What a heartbeat says of a hub's equipment. `battery` is per cent, None where it has none or does not know;
    `skew_s` is our clock minus the hub's."""

    hub_id: int
    battery: int | None
    robot_online: bool
    skew_s: int


@transaction.atomic
def judge_equipment(findings: Iterable[Finding]) -> None:
    """Raises and clears what heartbeats say of robots, batteries and clocks: one statement where nothing changes."""
    wrong: dict[tuple[int, Fault.Kind], bool] = {}
    for finding in findings:
        wrong[finding.hub_id, Fault.Kind.ROBOT_OFFLINE] = not finding.robot_online
        battery, clock = battery_band(finding.battery), clock_band(finding.skew_s)
        if battery != "between":
            wrong[finding.hub_id, Fault.Kind.BATTERY_LOW] = battery == "low"
        if clock != "between":
            wrong[finding.hub_id, Fault.Kind.CLOCK_SKEW] = clock == "off"
    lasting = Fault.objects.filter(
        hub_id__in={hub_id for hub_id, _ in wrong}, kind__in=EQUIPMENT, sensor_id="", cleared_at=None
    )
    known = {(hub_id, Fault.Kind(kind)) for hub_id, kind in lasting.values_list("hub_id", "kind")}
    for (hub_id, kind), is_wrong in wrong.items():
        if is_wrong and (hub_id, kind) not in known:
            raise_fault(hub_id, kind)
    for kind in EQUIPMENT:
        if over := [
            hub_id for hub_id, known_kind in known if known_kind == kind and not wrong.get((hub_id, kind), True)
        ]:
            clear_of_many(over, kind)


def battery_band(battery: int | None) -> Literal["low", "good", "between"]:
    """`between` leaves a fault as it is, so that a battery at the edge does not flap."""
    if battery is None or BATTERY_LOW_BELOW <= battery < BATTERY_GOOD_FROM:
        return "between"
    return "low" if battery < BATTERY_LOW_BELOW else "good"


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
