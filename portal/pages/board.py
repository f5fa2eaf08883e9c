"""What stands open for one person: unresolved emergencies, seniors to look after, equipment. Each a few queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Value, When
from django.db.models.functions import Now

from devices.models import Fault, IoTHub, SafetyCheck
from monitoring.models import EmergencyLog, RiskState, Severity
from portal.pages.fault_cards import FaultCard, fold_faults
from seniors.capped_pages import CAP
from seniors.scoping import narrow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seniors.models import Staff

CHECK_SHOWN_FOR = timedelta(minutes=30)
SEVERITY_RANK = Case(
    When(severity=Severity.CRITICAL, then=Value(0)),
    When(severity=Severity.HIGH, then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)
STATUS_RANK = Case(When(status="open", then=Value(0)), default=Value(1), output_field=IntegerField())


@dataclass(frozen=True)
class Card:
    """One emergency as the desk shows it, with what the robot and the hub can do for it now."""

    emergency: EmergencyLog
    hub: IoTHub | None
    check: SafetyCheck | None

    @property
    def is_open(self) -> bool:
        return self.emergency.status == EmergencyLog.Status.OPEN

    @property
    def is_resolved(self) -> bool:
        return self.emergency.status == EmergencyLog.Status.RESOLVED

    @property
    def is_drill(self) -> bool:
        return self.emergency.is_drill

    @property
    def can_ask_robot(self) -> bool:
        running = self.check is not None and self.check.status in SafetyCheck.RUNNING
        return self.hub is not None and not running

    @property
    def snooze_minutes(self) -> tuple[int, ...]:
        """What the owner may choose from; well below the limits, so that a clock a little off does not matter."""
        return (5,) if self.emergency.severity == Severity.CRITICAL else (15, 30)

    @property
    def version(self) -> str:
        """Changes whenever the card must be drawn anew."""
        emergency, check, hub = self.emergency, self.check, self.hub
        parts = [
            emergency.status,
            emergency.test,
            emergency.severity,
            emergency.repeats,
            emergency.acknowledged_by_id,
            emergency.test_due_at,
            emergency.ask_expires_at,
            emergency.snoozed_until,
            emergency.assigned_to_id,
            f"{check.check_id}:{check.status}" if check else "",
            f"{hub.hub_id}:{hub.status}" if hub else "",
        ]
        return "/".join(map(str, parts))


@dataclass(frozen=True)
class Watched:
    """A senior whom the model is worried about; `check` is the newest question through the robot, while it is news."""

    risk: RiskState
    check: SafetyCheck | None

    @property
    def version(self) -> str:
        """Changes whenever the row must be drawn anew."""
        check = f"{self.check.check_id}:{self.check.status}" if self.check else ""
        return f"{self.risk.level}/{self.risk.updated_at.isoformat()}/{check}"


@dataclass(frozen=True)
class Homes:
    """Hub states of the homes that one may see; `silent` are those without connection, the longest first."""

    online: int  # counted up to 10,000; `online_capped` says that there are more
    online_capped: bool
    offline: int
    never_seen: int
    silent: list[IoTHub]
    waiting: list[IoTHub]


def list_cards(user: Staff) -> list[Card]:
    """Every unresolved emergency: those nobody has taken first, then by severity, then the oldest."""
    emergencies = (
        EmergencyLog.objects.visible_to(user)
        .filter(status__in=EmergencyLog.UNRESOLVED)
        .select_related("senior", "acknowledged_by", "tested_by", "assigned_to")
        .order_by(STATUS_RANK, SEVERITY_RANK, "occurred_at")
    )
    return make_cards(emergencies)


def make_cards(emergencies: Iterable[EmergencyLog]) -> list[Card]:
    listed = list(emergencies)
    senior_ids = {emergency.senior_id for emergency in listed}
    hubs = {hub.senior_id: hub for hub in IoTHub.objects.registered().filter(senior_id__in=senior_ids)}
    checks = latest_checks(senior_ids)
    return [Card(emergency, hubs.get(emergency.senior_id), checks.get(emergency.senior_id)) for emergency in listed]


def latest_checks(senior_ids: Iterable[int]) -> dict[int, SafetyCheck]:
    """The newest safety check of each senior, while it is news."""
    recent = (
        SafetyCheck.objects.filter(senior_id__in=senior_ids, requested_at__gt=Now() - CHECK_SHOWN_FOR)
        .order_by("senior_id", "-check_id")
        .distinct("senior_id")
    )
    return {check.senior_id: check for check in recent}


def list_watched(user: Staff, limit: int = 20) -> list[Watched]:
    """Seniors whose risk asks for a look and who have no emergency yet, with what the robot was asked about them."""
    unresolved = EmergencyLog.objects.filter(senior=OuterRef("senior"), status__in=EmergencyLog.UNRESOLVED)
    risks = list(
        narrow(RiskState.objects.filter(level__in=["warning", "emergency"]), user)
        .filter(~Exists(unresolved))
        .select_related("senior")
        .order_by("-score")[:limit]
    )
    checks = latest_checks([risk.senior_id for risk in risks])
    return [Watched(risk, checks.get(risk.senior_id)) for risk in risks]


def list_fault_cards(user: Staff, limit: int = 500) -> list[FaultCard]:
    """Faults that last, those nobody has looked at first; hubs that fell silent together are one card."""
    faults = (
        narrow(Fault.objects.filter(cleared_at__isnull=True, hub__deregistered_at__isnull=True), user, "hub__senior")
        .select_related("hub__senior", "seen_by")
        .order_by(F("seen_at").asc(nulls_first=True), "-since")[:limit]
    )
    return fold_faults(faults)


def count_homes(user: Staff, limit: int = 12) -> Homes:
    hubs = narrow(IoTHub.objects.registered(), user)
    online = hubs.filter(status="online").order_by()[: CAP + 1].count()
    away = dict(
        hubs.filter(status__in=["offline", "never_seen"]).order_by().values_list("status").annotate(count=Count("pk"))
    )
    named = hubs.select_related("senior")
    silent = list(named.filter(status="offline").order_by("last_seen_at")[:limit])
    waiting = list(named.filter(status="never_seen").order_by("registered_at")[:limit])
    return Homes(
        online=min(online, CAP),
        online_capped=online > CAP,
        offline=away.get("offline", 0),
        never_seen=away.get("never_seen", 0),
        silent=silent,
        waiting=waiting,
    )


def count_untaken(user: Staff) -> int:
    return EmergencyLog.objects.visible_to(user).filter(status="open").count()
