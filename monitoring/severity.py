"""How grave each kind of emergency is at least, and which of two severities is higher."""

from __future__ import annotations

from .models import EventType, Severity

RANK = {Severity.MEDIUM: 0, Severity.HIGH: 1, Severity.CRITICAL: 2}

LEAST = {
    EventType.SOS: Severity.CRITICAL,
    EventType.FALL_DETECTION: Severity.CRITICAL,
    EventType.FIRE: Severity.CRITICAL,
    EventType.GAS: Severity.CRITICAL,
    EventType.INACTIVITY: Severity.HIGH,
    EventType.NO_WAKE_UP: Severity.HIGH,
    EventType.NOT_RETURNED: Severity.HIGH,
    EventType.SAFETY_CHECK_FAILED: Severity.HIGH,
    EventType.NIGHT_WANDERING: Severity.MEDIUM,
    EventType.ROUTINE_CHANGE: Severity.MEDIUM,
}


def higher(one: str, other: str) -> Severity:
    return max(Severity(one), Severity(other), key=RANK.__getitem__)


def is_higher(one: str, other: str) -> bool:
    return RANK[Severity(one)] > RANK[Severity(other)]


def at_least(event_type: str, severity: str) -> Severity:
    """`severity`, raised to what its type deserves: it never falls below."""
    return higher(LEAST[EventType(event_type)], severity)
