"""Weights that this process holds, parsed: what a tick scores with, verified once a version.

When the wanted version cannot be had, the last good one serves on: the one that is resident, else the newest of those
that were live before. It is counted, and the backend is told what was refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import structlog
from prometheus_client import Counter

from .artifact import ForeignWeights, UnreadableWeights
from .habit_weights import unpack_habits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .habits import Habits
    from .weight_store import WeightRef, WeightStore

log = structlog.get_logger(__name__)

STAND_INS = Counter(
    "anbu_weights_stand_ins", "Seniors scored by an older version because the active one was not to be had"
)


class LoadedWeights(NamedTuple):
    ref: WeightRef
    habits: Habits


class Refusal(NamedTuple):
    """Registered weights whose bytes are not to be used, and why."""

    ref: WeightRef
    reason: str


class ResidentWeights:
    """`find_former` gives, for seniors, versions that were live before, newest first."""

    def __init__(
        self, store: WeightStore, find_former: Callable[[Sequence[int]], Sequence[WeightRef]] = lambda _: ()
    ) -> None:
        self._store = store
        self._find_former = find_former
        self._resident: dict[int, LoadedWeights] = {}
        self.refusals: dict[int, Refusal] = {}

    def load(self, refs: Sequence[WeightRef]) -> dict[int, LoadedWeights]:
        """Weights by senior id; a senior whose weights were never to be had is left out.

        `refusals` afterwards holds what was refused of these, by weight_id.
        """
        self.refusals = {}
        self._take([ref for ref in refs if not self._has(ref)])
        bare = [refusal.ref.senior_id for refusal in self.refusals.values() if not self._serves(refusal.ref.senior_id)]
        if bare:
            for former in self._find_former(bare):
                if not self._serves(former.senior_id):
                    self._take([former])
        loaded = {ref.senior_id: self._resident[ref.senior_id] for ref in refs if self._serves(ref.senior_id)}
        stand_ins = sum(1 for ref in refs if ref.senior_id in loaded and loaded[ref.senior_id].ref != ref)
        if stand_ins:
            STAND_INS.inc(stand_ins)
            log.error("weights_stand_in", seniors=stand_ins)
        return loaded

    def _has(self, ref: WeightRef) -> bool:
        resident = self._resident.get(ref.senior_id)
        return resident is not None and resident.ref == ref

    def _serves(self, senior_id: int) -> bool:
        return senior_id in self._resident

    def _take(self, refs: Sequence[WeightRef]) -> None:
        if not refs:
            return
        fetched = self._store.fetch(refs)
        for ref in refs:
            data = fetched.data.get(ref.weight_id)
            if data is None:
                if ref.weight_id in fetched.refused:
                    self.refusals[ref.weight_id] = Refusal(ref, fetched.refused[ref.weight_id])
                continue
            try:
                _, habits = unpack_habits(data, ref.senior_id)
            except (UnreadableWeights, ForeignWeights) as error:
                # the bytes are those that were registered: only another version of this program could read them
                self.refusals[ref.weight_id] = Refusal(ref, str(error))
                log.error("weights_unreadable", senior_id=ref.senior_id, weight_id=ref.weight_id, error=str(error))
                continue
            self._resident[ref.senior_id] = LoadedWeights(ref, habits)
