"""Panic events: the emergency is committed before the events are stored and before the hub is answered."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils.translation import override

from devices import installation_tests

from .alerting import Cause, raise_emergency
from .ingest import LATE, is_printable, panic_family, panic_source, parse_timestamp
from .models import EmergencySource, Severity
from .risk_words import say_reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .ingest import Panic

SAME_PRESS = timedelta(seconds=10)
CORRECTED = "~"  # marks a source whose time we corrected for a wrong hub clock


def raise_panics(hub_id: int, senior_id: int, panics: Iterable[Panic], now: datetime, skew: timedelta | None) -> None:
    """Raises each panic once. `skew` is the server's clock minus the hub's, where the batch is refused for it.

    Raises django.db.Error when the database is away: the caller answers 503 and the hub sends again.
    """
    test = installation_tests.find_lasting(hub_id)
    for panic in panics:
        is_test = test is not None and installation_tests.covers(test, _corrected(panic, skew))
        raise_emergency(
            Cause(
                senior_id=senior_id,
                event_type=panic.event_type,
                source=_source(hub_id, panic, skew),
                severity=Severity.CRITICAL,
                description=_describe(panic, now, skew),
                occurred_at=now if skew is not None or panic.occurred_at is None else min(panic.occurred_at, now),
                is_panic=True,
                reasons=(_reason(panic, now, skew),),
                hub_id=hub_id,
                sensor_id=panic.sensor_id if is_printable(panic.sensor_id) else "",
                tested_by=test.started_by if test and is_test else None,
            )
        )


def _source(hub_id: int, panic: Panic, skew: timedelta | None) -> str:
    """The panic's key; a press that came with a wrong clock and again with the right one has one key."""
    corrected = _corrected(panic, skew)
    if corrected is None:
        return panic_source(hub_id, panic)
    begin = panic_family(hub_id, panic) + CORRECTED
    for source in EmergencySource.objects.filter(source__startswith=begin).values_list("source", flat=True):
        when = parse_timestamp(source.removeprefix(begin))
        # None: the key of another sensor, whose name begins with this one's
        if when is not None and abs(when - corrected) <= SAME_PRESS:
            return source
    return panic_source(hub_id, panic) if skew is None else f"{begin}{corrected.isoformat()}"


def _corrected(panic: Panic, skew: timedelta | None) -> datetime | None:
    """When it was pressed by our clock; None where no time can be told."""
    if panic.occurred_at is None:
        return None
    try:
        return panic.occurred_at + (skew or timedelta())
    except OverflowError:
        return None


def _describe(panic: Panic, now: datetime, skew: timedelta | None) -> str:
    with override("ko"):
        return say_reason(_reason(panic, now, skew))


def _reason(panic: Panic, now: datetime, skew: timedelta | None) -> dict[str, Any]:
    """What was pressed where, and how late it came, as a code with its values."""
    is_named = panic.sensor_id and is_printable(panic.sensor_id)
    values: dict[str, Any] = {
        "sensor_id": panic.sensor_id[:64] if is_named else None,
        "event_type": panic.event_type.value,
    }
    if skew is None and panic.occurred_at is not None and now - panic.occurred_at > LATE:
        values["late_minutes"] = int((now - panic.occurred_at).total_seconds() // 60)
    return {"code": "panic_pressed", "values": values}
