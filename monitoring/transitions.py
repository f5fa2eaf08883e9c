"""What happened to an emergency, line by line, and the columns that each change of hands sets back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .models import EmergencyLog, EmergencyTransition

if TYPE_CHECKING:
    from seniors.models import Staff

# whatever was to happen to an emergency by itself; its end and each change of hands call it off
NOTHING_DUE: dict[str, None] = dict.fromkeys(
    [
        "step_due_at",
        "ask_due_at",
        "ask_expires_at",
        "remind_due_at",
        "snoozed_until",
        "assigned_to",
        "assigned_by",
        "assign_due_at",
    ]
)
OPEN_AGAIN: dict[str, Any] = {
    **NOTHING_DUE,
    "status": EmergencyLog.Status.OPEN,
    "acknowledged_at": None,
    "acknowledged_by": None,
}


class AlreadyResolved(Exception):
    """The emergency is over; its outcome stands."""


def record_transition(log: EmergencyLog, kind: str, by: Staff | None = None, **detail: Any) -> None:
    EmergencyTransition.objects.create(log=log, kind=kind, by=by, detail=detail)
