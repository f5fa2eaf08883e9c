"""What the staff feed reads: the log of announcements with its audience, snapshots, and what changed of the rest."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection, transaction
from django.db.models import F, Max, Min, OuterRef, Q, Subquery
from django.db.models.functions import Now

from devices.models import Fault, IoTHub, SafetyCheck
from seniors.models import Senior, Staff

from .emergency_json import as_json, moment
from .models import AlertDelivery, EmergencyLog, Outbox, RiskState
from .notice_json import notice_json
from .notice_models import Notice
from .outbox import stamp_sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

REPLAY_LASTS = timedelta(hours=24)
OVERLAP = timedelta(seconds=5)
PAGE = 500

# Senior.objects.visible_to, turned around, in one journey: this is asked for each announcement
AUDIENCE = """
    SELECT asked.senior_id, staffs.staff_id
    FROM unnest(%(seniors)s::int[]) AS asked (senior_id)
    JOIN staffs ON staffs.staff_id = ANY(%(viewers)s::int[]) AND staffs.is_active
    WHERE staffs.is_superuser OR staffs.role = 'supervisor'
        OR EXISTS (
            SELECT FROM staff_senior_map
            WHERE staff_senior_map.senior_id = asked.senior_id AND staff_senior_map.staff_id = staffs.staff_id
        )
        OR staffs.role <> 'guardian' AND EXISTS (
            SELECT FROM access_grants
            WHERE access_grants.senior_id = asked.senior_id AND access_grants.staff_id = staffs.staff_id
                AND (until IS NULL OR until > statement_timestamp())
        )
"""


class Alert(NamedTuple):
    delivery_id: str
    opens: bool


@dataclass(frozen=True)
class Announcement:
    """One row of the log: what to say, to whom, and for whom of them it is an alert."""

    seq: int
    kind: str
    senior_id: int
    emergency: dict[str, Any]
    audience: frozenset[int]
    alerts: dict[int, Alert]
    expires_at: datetime | None = None  # of a question


@dataclass(frozen=True)
class Change:
    """A hint about state that a page can always ask for anew."""

    key: tuple[str, int, str]
    senior_id: int | None  # None: about nobody in particular
    message: dict[str, Any]
    audience: frozenset[int] = frozenset()
    only_for: int | None = None  # None: for all who may see the senior


@dataclass(frozen=True)
class Snapshot:
    """What one person is to know, of one moment. `waiting` are the alerts to them that no page has shown yet."""

    head_seq: int
    waiting: list[Announcement]
    emergencies: list[dict[str, Any]] = field(default_factory=list)  # every unresolved one
    missed: list[Announcement] = field(default_factory=list)


def head_of_log() -> int:
    return Outbox.objects.aggregate(head=Max("seq"))["head"] or 0


def read_log(after: int, viewers: set[int]) -> list[Announcement]:
    """Announcements beyond `after`, in order, for the connected `viewers`; gives committed rows their number first."""
    stamp_sequence()
    rows = list(Outbox.objects.filter(seq__gt=after).order_by("seq").prefetch_related("deliveries")[:PAGE])
    audiences = audience_of({row.senior_id for row in rows}, viewers)
    return [announcement(row, audiences[row.senior_id]) for row in rows]


def read_unresolved(viewers: set[int]) -> list[Announcement]:
    """The last announcement of each unresolved emergency, for those of `viewers` who may know of it now."""
    last = Outbox.objects.filter(log_id=OuterRef("pk"), seq__isnull=False, only_for=None).order_by("-seq")
    newest = EmergencyLog.objects.unresolved().annotate(last=Subquery(last.values("pk")[:1])).values("last")
    rows = list(Outbox.objects.filter(pk__in=newest).order_by("seq").prefetch_related("deliveries"))
    audiences = audience_of({row.senior_id for row in rows}, viewers)
    return [announcement(row, audiences[row.senior_id]) for row in rows]


def announcement(row: Outbox, audience: frozenset[int]) -> Announcement:
    alerts = {delivery.staff_id: Alert(str(delivery.delivery_id), delivery.opens) for delivery in row.deliveries.all()}
    if row.only_for_id:
        audience &= {row.only_for_id}
    return Announcement(row.seq or 0, row.kind, row.senior_id, row.emergency, audience, alerts, row.expires_at)


def audience_of(senior_ids: set[int], viewers: set[int]) -> dict[int, frozenset[int]]:
    """For each senior, those of `viewers` who may know of them now: `visible_to`, turned around."""
    audiences: dict[int, set[int]] = {senior_id: set() for senior_id in senior_ids}
    if senior_ids and viewers:
        with connection.cursor() as cursor:
            cursor.execute(AUDIENCE, {"seniors": list(senior_ids), "viewers": list(viewers)})
            for senior_id, staff_id in cursor.fetchall():
                audiences[senior_id].add(staff_id)
    return {senior_id: frozenset(people) for senior_id, people in audiences.items()}


def take_snapshot(staff: Staff) -> Snapshot:
    """Every unresolved emergency that `staff` may see, and the head of the log."""
    stamp_sequence()
    with one_moment():
        unresolved = EmergencyLog.objects.visible_to(staff).unresolved().order_by("log_id")
        return Snapshot(personal_head(staff), waiting_alerts(staff), emergencies=[as_json(log) for log in unresolved])


def take_missed(staff: Staff, last_seq: int) -> Snapshot | None:
    """What came after `last_seq` about seniors whom `staff` may see now; None when the log cannot tell all of it."""
    stamp_sequence()
    with one_moment():
        if not is_replayable(last_seq):
            return None
        return Snapshot(personal_head(staff), waiting_alerts(staff), missed=read_missed(staff, last_seq))


@contextmanager
def one_moment() -> Iterator[None]:
    """Every read inside sees the same state of the database."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def personal_head(staff: Staff) -> int:
    """The highest seq that concerns this person."""
    concerning = Outbox.objects.filter(meant_for(staff), seq__isnull=False)
    if not staff.is_supervisor:
        concerning = concerning.filter(senior_id__in=Senior.objects.visible_to(staff).values("pk"))
    return concerning.aggregate(head=Max("seq"))["head"] or 0


def meant_for(staff: Staff) -> Q:
    """Rows of the log that are for everybody concerned, or for `staff` alone."""
    return Q(only_for=None) | Q(only_for=staff)


def waiting_alerts(staff: Staff) -> list[Announcement]:
    """Alerts that this person's pages have not shown and that are still their concern, and questions to them."""
    waiting = AlertDelivery.objects.ringing().filter(
        staff=staff,
        received_at__isnull=True,
        log__in=EmergencyLog.objects.visible_to(staff),
        outbox__seq__isnull=False,
    )
    asked = Q(kind="ask", only_for=staff, expires_at=F("log__ask_expires_at"), expires_at__gt=Now(), seq__isnull=False)
    chosen = Outbox.objects.filter(Q(pk__in=waiting.values("outbox_id")) | asked)
    rows = chosen.order_by("seq").prefetch_related("deliveries")
    return [announcement(row, frozenset({staff.pk})) for row in rows]


def still_waiting(delivery_ids: set[str]) -> set[str]:
    """Those that no page of their person has shown and that still ring, of seniors whom that person may see now."""
    waiting = AlertDelivery.objects.ringing().filter(pk__in=delivery_ids, received_at__isnull=True)
    rows = list(waiting.values_list("delivery_id", "staff_id", "log__senior_id"))
    audiences = audience_of({senior_id for _, _, senior_id in rows}, {staff_id for _, staff_id, _ in rows})
    return {str(delivery_id) for delivery_id, staff_id, senior_id in rows if staff_id in audiences[senior_id]}


def is_replayable(last_seq: int) -> bool:
    """Whether the log still tells all that came after `last_seq`."""
    kept = Outbox.objects.aggregate(first=Min("seq"), head=Max("seq"))
    if last_seq < 0 or last_seq > (kept["head"] or 0):
        return False
    if last_seq + 1 < (kept["first"] or 1):
        return False  # some of what came after it is no longer kept
    stale = Outbox.objects.filter(seq__gt=last_seq, created_at__lt=Now() - REPLAY_LASTS)
    return not stale.exists()


def read_missed(staff: Staff, last_seq: int) -> list[Announcement]:
    """What came after `last_seq` about seniors whom this person may see now."""
    rows = Outbox.objects.filter(
        meant_for(staff),
        Q(expires_at=None) | Q(expires_at__gt=Now()),
        seq__gt=last_seq,
        senior_id__in=Senior.objects.visible_to(staff).values("pk"),
    )
    return [announcement(row, frozenset({staff.pk})) for row in rows.order_by("seq").prefetch_related("deliveries")]


def read_changes(since: datetime, seen: set[tuple[str, int, str]], viewers: set[int]) -> tuple[datetime, list[Change]]:
    """What changed of risks, hubs, faults and checks since `since` (with an overlap for late commits) and is not among
    `seen`; and the database's time of this look."""
    looked_at = database_now()
    mark = since - OVERLAP
    found = [*_risks(mark), *_hubs(mark), *_faults(mark), *_checks(mark), *_notices(mark, viewers)]
    fresh = [change for change in found if change.key not in seen]
    audiences = audience_of({change.senior_id for change in fresh if change.senior_id is not None}, viewers)
    seen.clear()
    seen.update(change.key for change in found)
    return looked_at, [replace(change, audience=_audience(change, audiences)) for change in fresh]


def _audience(change: Change, audiences: dict[int, frozenset[int]]) -> frozenset[int]:
    concerned = frozenset() if change.senior_id is None else audiences[change.senior_id]
    if change.only_for is None:
        return concerned
    mine = frozenset({change.only_for})
    return mine if change.senior_id is None else mine & concerned


def fault_json(fault: Fault) -> dict[str, Any]:
    return {
        "fault_id": fault.fault_id,
        "hub_id": fault.hub_id,
        "senior_id": fault.hub.senior_id,
        "kind": fault.kind,
        "sensor_id": fault.sensor_id or None,
        "since": moment(fault.since),
        "cleared_at": moment(fault.cleared_at),
        "seen_at": moment(fault.seen_at),
        "seen_by": fault.seen_by_id,
    }


def database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        now: datetime = cursor.fetchone()[0]
    return now


def _risks(since: datetime) -> Iterable[Change]:
    for risk in RiskState.objects.filter(changed_at__gt=since):
        message = {"senior_id": risk.senior_id, "level": risk.level, "score": risk.score, "reasons": risk.reasons}
        key = ("risk", risk.senior_id, str(risk.changed_at))
        yield Change(key, risk.senior_id, {"type": "risk.changed", **message})


def _hubs(since: datetime) -> Iterable[Change]:
    for hub in IoTHub.objects.registered().filter(status_changed_at__gt=since):
        message = {
            "hub_id": hub.hub_id,
            "senior_id": hub.senior_id,
            "status": hub.status,
            "last_seen_at": moment(hub.last_seen_at),
        }
        key = ("hub", hub.hub_id, str(hub.status_changed_at))
        yield Change(key, hub.senior_id, {"type": "hub.changed", **message})


def _faults(since: datetime) -> Iterable[Change]:
    for fault in Fault.objects.filter(changed_at__gt=since).select_related("hub"):
        key = ("fault", fault.fault_id, str(fault.changed_at))
        yield Change(key, fault.hub.senior_id, {"type": "fault.changed", "fault": fault_json(fault)})


def _checks(since: datetime) -> Iterable[Change]:
    for check in SafetyCheck.objects.filter(changed_at__gt=since):
        message = {"check_id": check.check_id, "senior_id": check.senior_id, "status": check.status}
        key = ("check", check.check_id, str(check.changed_at))
        yield Change(key, check.senior_id, {"type": "safety_check.changed", **message})


def _notices(since: datetime, viewers: set[int]) -> Iterable[Change]:
    for notice in Notice.objects.filter(changed_at__gt=since, staff__in=viewers).select_related("senior", "staff"):
        key = ("notice", notice.notice_id, str(notice.changed_at))
        message = {"type": "notice.changed", "notice": notice_json(notice, notice.staff.language)}
        yield Change(key, notice.senior_id, message, only_for=notice.staff_id)
