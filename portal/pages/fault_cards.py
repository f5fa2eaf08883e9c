"""Faults as the desk shows them: hubs that fell silent together are one card, since one line or one power cut did it.

Pure. The API tells each fault by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from devices.models import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

TOGETHER = timedelta(seconds=60)  # from one hub to the next: heartbeats end within three intervals of each other
FOLDED_FROM = 4


@dataclass(frozen=True)
class FaultCard:
    """One fault, or many hubs that fell silent together; `faults` is in order of time."""

    faults: tuple[Fault, ...]

    @property
    def is_folded(self) -> bool:
        return len(self.faults) > 1

    @property
    def first(self) -> Fault:
        return self.faults[0]

    @property
    def since(self) -> datetime:
        return self.first.since

    @property
    def unseen_ids(self) -> str:
        """Of the faults that nobody has looked at, with commas between."""
        return ",".join(str(fault.fault_id) for fault in self.faults if fault.seen_at is None)

    @property
    def key(self) -> str:
        return f"{'together' if self.is_folded else 'one'}-{self.first.fault_id}"

    @property
    def version(self) -> str:
        """Changes whenever the card must be drawn anew."""
        return f"{len(self.faults)}/{self.unseen_ids}"


def fold_faults(faults: Iterable[Fault]) -> list[FaultCard]:
    """Cards for open `faults`: what nobody has looked at first, then the newest."""
    listed = list(faults)
    silent = sorted((fault for fault in listed if fault.kind == Fault.Kind.HUB_OFFLINE), key=lambda fault: fault.since)
    cards = [FaultCard((fault,)) for fault in listed if fault.kind != Fault.Kind.HUB_OFFLINE]
    for group in _split_by_time(silent):
        cards += [FaultCard(tuple(group))] if len(group) >= FOLDED_FROM else [FaultCard((fault,)) for fault in group]
    cards.sort(key=lambda card: card.since, reverse=True)
    return sorted(cards, key=lambda card: not card.unseen_ids)


def _split_by_time(faults: list[Fault]) -> list[list[Fault]]:
    """Groups in which each fault comes soon after the one before it."""
    groups: list[list[Fault]] = []
    for fault in faults:
        if groups and fault.since - groups[-1][-1].since <= TOGETHER:
            groups[-1].append(fault)
        else:
            groups.append([fault])
    return groups
