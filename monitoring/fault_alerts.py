"""Who is told of a hub that stays away, and when: a dead hub and a person down look alike from afar.

The mapped caseworkers after ten minutes, at once where the senior's risk was a warning or an emergency is unresolved;
supervisors when nobody has looked at it for an hour.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from devices.models import Fault

from .ladder import Rung
from .models import EmergencyLog, RiskState
from .notice_models import FaultAlert, Notice
from .notices import close, tell_of_fault
from .recipients import first_reached, on_rung

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import QuerySet

    from devices.models import IoTHub

TOLD_AFTER = timedelta(minutes=10)
SUPERVISORS_AFTER = timedelta(minutes=60)
AT_RISK = [RiskState.Level.WARNING, RiskState.Level.EMERGENCY]
LASTING = Q(fault__cleared_at=None, fault__hub__deregistered_at=None, fault__seen_at=None)


def watch_hub(hub: IoTHub) -> None:
    """From now on people will be told, if it stays away; in the transaction that turned the hub offline."""
    fault = _unwatched().filter(hub=hub).first()
    if fault is not None:
        _watch(fault, RiskState.objects.filter(senior_id=hub.senior_id, level__in=AT_RISK).exists())


def watch_the_unwatched() -> int:
    """Faults of which no receiver heard: those that were there before people were told of any."""
    faults = list(_unwatched())
    for fault in faults:
        _watch(fault, at_risk=False)
    return len(faults)


def due_steps(limit: int = 20) -> Iterator[tuple[str, Callable[[], int]]]:
    """What is due now, by the name of its sweep; few at a time, since a power cut must not hold up the ladder."""
    yield "faults_watched", watch_the_unwatched
    for fault_id in list(_due_to_caseworkers().values_list("fault_id", flat=True)[:limit]):
        yield "faults_told", partial(tell_caseworkers, fault_id)
    for fault_id in list(_due_to_supervisors().values_list("fault_id", flat=True)[:limit]):
        yield "faults_told_on", partial(tell_supervisors, fault_id)
    yield "notices_closed", close_what_is_over


@transaction.atomic
def tell_caseworkers(fault_id: int) -> bool:
    """Tells the mapped caseworkers, or whoever comes next where there is none. False if not due."""
    due = FaultAlert.objects.filter(pk__in=_due_to_caseworkers().values("pk"), pk=fault_id, told_at=None)
    if not due.update(told_at=Now()):
        return False
    fault = Fault.objects.select_related("hub").get(pk=fault_id)
    rung, people = first_reached(fault.hub.senior_id)
    tell_of_fault(people, Notice.Kind.HUB_OFFLINE, fault_id, fault.hub.senior_id)
    if rung >= Rung.SUPERVISORS:
        FaultAlert.objects.filter(pk=fault_id).update(told_supervisors_at=Now())
    return True


@transaction.atomic
def tell_supervisors(fault_id: int) -> bool:
    """Nobody has looked at it: tells the supervisors. False if not due."""
    due = FaultAlert.objects.filter(pk__in=_due_to_supervisors().values("pk"), pk=fault_id, told_supervisors_at=None)
    if not due.update(told_supervisors_at=Now()):
        return False
    fault = Fault.objects.select_related("hub").get(pk=fault_id)
    people = on_rung(fault.hub.senior_id, Rung.SUPERVISORS)
    tell_of_fault(people, Notice.Kind.HUB_OFFLINE, fault_id, fault.hub.senior_id)
    return True


def close_what_is_over() -> int:
    """Notices whose faults are all cleared, or were all looked at by somebody, show no more."""
    open_ = Notice.objects.filter(kind=Notice.Kind.HUB_OFFLINE, seen_at=None, closed_at=None)
    told = dict(open_.values_list("notice_id", "values"))
    named = {fault_id for values in told.values() for fault_id in values["fault_ids"]}
    if not named:
        return 0
    rows = Fault.objects.filter(pk__in=named, cleared_at=None, seen_at=None, hub__deregistered_at=None)
    lasting = set(rows.values_list("pk", flat=True))
    over = [notice_id for notice_id, values in told.items() if not lasting.intersection(values["fault_ids"])]
    return close(Notice.objects.filter(pk__in=over)) if over else 0


def _unwatched() -> QuerySet[Fault]:
    return Fault.objects.filter(kind=Fault.Kind.HUB_OFFLINE, cleared_at=None, alert=None)


def _watch(fault: Fault, at_risk: bool) -> None:
    due_at = fault.since if at_risk else fault.since + TOLD_AFTER
    FaultAlert.objects.get_or_create(
        fault=fault, defaults={"due_at": due_at, "supervisors_due_at": fault.since + SUPERVISORS_AFTER}
    )


def _due_to_caseworkers() -> QuerySet[FaultAlert]:
    unresolved = EmergencyLog.objects.unresolved().filter(senior_id=OuterRef("fault__hub__senior_id"))
    now = Q(due_at__lte=Now()) | Exists(unresolved)
    waiting = FaultAlert.objects.filter(LASTING, now, told_at=None, told_supervisors_at=None)
    return waiting.order_by(F("due_at"))


def _due_to_supervisors() -> QuerySet[FaultAlert]:
    waiting = FaultAlert.objects.filter(LASTING, supervisors_due_at__lte=Now(), told_supervisors_at=None)
    return waiting.order_by("supervisors_due_at")
