"""An emergency as the contract's JSON object, whole for staff and without names and words for guardians."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from .models import EmergencyLog


def as_json(log: EmergencyLog) -> dict[str, Any]:
    """All columns that the contract names; times in RFC 3339."""
    return {
        "log_id": log.log_id,
        "senior_id": log.senior_id,
        "event_type": log.event_type,
        "severity": log.severity,
        "description": log.description,
        "occurred_at": moment(log.occurred_at),
        "detected_at": moment(log.detected_at),
        "status": log.status,
        "repeats": log.repeats,
        "acknowledged_at": moment(log.acknowledged_at),
        "acknowledged_by": log.acknowledged_by_id,
        "resolved_at": moment(log.resolved_at),
        "resolved_by": log.resolved_by_id,
        "outcome": log.outcome or None,
        "test": log.test,
    }


def for_guardian(emergency: dict[str, Any]) -> dict[str, Any]:
    """What the family may know: that it happened and how it ended, not who, nor in which words."""
    return {
        key: value for key, value in emergency.items() if key not in {"acknowledged_by", "resolved_by", "description"}
    }


def moment(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
