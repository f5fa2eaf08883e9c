"""Everything that happened to one emergency, in order: its transitions and its deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Max
from django.db.models.functions import Coalesce

from .emergency_json import moment
from .notification.models import Notification

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from .models import EmergencyLog

GUARDIAN_SEES = {"raised", "acknowledged", "resolved", "reopened", "owner_silent", "snooze_ended", "safety_check"}


def timeline_of(log: EmergencyLog) -> list[dict[str, Any]]:
    """`{at, kind, by, detail}` from the first to the last."""
    entries: list[tuple[Any, dict[str, Any]]] = [
        (row.at, {"at": moment(row.at), "kind": row.kind, "by": row.by_id, "detail": row.detail})
        for row in log.transitions.order_by("id")
    ]
    for delivery in log.deliveries.order_by("created_at"):
        detail = {
            "delivery_id": str(delivery.delivery_id),
            "staff_id": delivery.staff_id,
            "reason": delivery.reason,
            "received_at": moment(delivery.received_at),
        }
        created = delivery.created_at
        entries.append((created, {"at": moment(created), "kind": "delivery", "by": None, "detail": detail}))
    entries += [_notification(row) for row in ended_notifications(log)]
    return [entry for _, entry in sorted(entries, key=lambda pair: pair[0])]


def ended_notifications(log: EmergencyLog) -> QuerySet[Notification]:
    """What was sent, or could not be, to staff by their other channels. What still waits is no news."""
    ended = Notification.objects.filter(log=log, state__in=["sent", "failed"], purpose__in=["alert", "reminder", "ask"])
    settled_at = Coalesce("sent_at", Max("attempts__at"), "created_at")
    return ended.annotate(settled_at=settled_at).select_related("staff").order_by("settled_at")


def _notification(row: Notification) -> tuple[Any, dict[str, Any]]:
    at: Any = getattr(row, "settled_at")  # noqa: B009 - an annotation
    detail = {
        "staff_id": row.staff_id,
        "channel": row.kind,
        "state": row.state,
        "received_at": moment(row.received_at),
    }
    return at, {"at": moment(at), "kind": "notification", "by": None, "detail": detail}


def for_guardian(timeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The moments alone: neither names nor reasons nor notes."""
    return [{"at": entry["at"], "kind": entry["kind"]} for entry in timeline if entry["kind"] in GUARDIAN_SEES]
