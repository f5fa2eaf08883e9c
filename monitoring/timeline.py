"""Everything that happened to one emergency, in order: its transitions and its deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .emergency_json import moment

if TYPE_CHECKING:
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
    return [entry for _, entry in sorted(entries, key=lambda pair: pair[0])]


def for_guardian(timeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The moments alone: neither names nor reasons nor notes."""
    return [{"at": entry["at"], "kind": entry["kind"]} for entry in timeline if entry["kind"] in GUARDIAN_SEES]
