"""A hub's last day as a strip of five minutes each: connected, not connected, or not registered yet. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

SPAN = timedelta(hours=24)
SLOT = timedelta(minutes=5)
SLOTS = int(SPAN / SLOT)
WIDTH = 4


@dataclass(frozen=True)
class Stretch:
    """Neighbouring slots of one state: `online`, `offline` or `unknown`."""

    x: int
    width: int
    state: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Strip:
    width: int
    stretches: list[Stretch]
    share: float | None
    """Of the known time, how much the hub was connected; None when nothing is known."""

    @property
    def percent(self) -> str:
        """Cut, not rounded: 100 means all of it."""
        return "–" if self.share is None else f"{int(self.share * 1000) / 10:g}"


def draw_strip(
    offline: Iterable[tuple[datetime, datetime | None]], known_since: datetime | None, now: datetime
) -> Strip:
    """From the spans (start, end; None while it lasts) in which the hub was silent. `known_since` is its first contact,
    None when there was none. A slot in which it was silent for a moment is shown as silent."""
    spans = [(start, end or now) for start, end in offline]
    first = now - SPAN
    states = [_find_state(first + slot * SLOT, spans, known_since) for slot in range(SLOTS)]
    stretches = []
    for slot, state in enumerate(states):
        if not slot or state != states[slot - 1]:
            count = next((n for n in range(slot, SLOTS) if states[n] != state), SLOTS) - slot
            starts_at = first + slot * SLOT
            stretches.append(Stretch(slot * WIDTH, count * WIDTH, state, starts_at, starts_at + count * SLOT))
    known = sum(state != "unknown" for state in states)
    return Strip(SLOTS * WIDTH, stretches, states.count("online") / known if known else None)


def _find_state(at: datetime, spans: list[tuple[datetime, datetime]], known_since: datetime | None) -> str:
    end = at + SLOT
    if known_since is None or end <= known_since:
        return "unknown"
    return "offline" if any(start < end and stop > at for start, stop in spans) else "online"
