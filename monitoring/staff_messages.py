"""Messages of `/ws/staff/`, as the contract writes them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .emergency_json import for_guardian, moment

if TYPE_CHECKING:
    from datetime import datetime

Message = dict[str, Any]


def emergency_message(
    seq: int, emergency: dict[str, Any], *, kind: str, delivery_id: str | None, guardian: bool
) -> Message:
    """`emergency.raised` or `emergency.changed`; `delivery_id` comes with alerts alone."""
    message: Message = {
        "type": f"emergency.{kind}",
        "seq": seq,
        "emergency": for_guardian(emergency) if guardian else emergency,
    }
    return message | {"delivery_id": delivery_id} if delivery_id and not guardian else message


def ask(seq: int, log_id: int, expires_at: datetime | None) -> Message:
    """To an owner: are they still on it?"""
    return {"type": "emergency.ask", "seq": seq, "log_id": log_id, "expires_at": moment(expires_at)}


def hello(head_seq: int, emergencies: list[dict[str, Any]], *, guardian: bool, reset: bool = False) -> Message:
    shown = [for_guardian(emergency) for emergency in emergencies] if guardian else emergencies
    message: Message = {"type": "hello", "head_seq": head_seq, "emergencies": shown}
    return message | {"reset": True} if reset else message


def resumed(head_seq: int) -> Message:
    return {"type": "resumed", "head_seq": head_seq}


def pulse(head_seq: int, server_time: datetime) -> Message:
    return {"type": "pulse", "head_seq": head_seq, "server_time": moment(server_time)}


def stream_ended(reason: str, about: Any) -> Message:
    """Before any offer: there is no stream_id yet."""
    return {"type": "stream.ended", "stream_id": None, "about": about, "reason": reason}


def error(code: str, detail: str, about: Any = None) -> Message:
    return {"type": "error", "code": code, "detail": detail, "about": about}
