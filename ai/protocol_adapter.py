"""The detector behind the acceptance protocol's interface: one instance per senior, times in local seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from .calibration import fit_habits
from .detector import score_silences
from .features import LEAVING_SECONDS, Life
from .habit_weights import pack_habits, unpack_habits
from .habits import repeat_habits

if TYPE_CHECKING:
    from collections.abc import Sequence

NOBODY = 0
# A hub that said nothing for two heartbeats is away, and its silence is nobody's.
HUB_AWAY_SECONDS = 600.0


class HomeEvent(Protocol):
    @property
    def t(self) -> float: ...
    @property
    def content(self) -> str: ...


class Alarm(NamedTuple):
    t: float
    kind: str
    score: float


class Detector:
    """`fit` gives the product's weights; alarms with a score of 1 or more are to be raised."""

    def fit(self, events: Sequence[HomeEvent], fa_per_week: float = 0.25) -> bytes:
        life = Life(np.array([event.t for event in events]), np.array([is_door(event) for event in events]))
        return pack_habits(NOBODY, fit_habits(life, fa_per_week), "", "")

    def start(self, weights: bytes, now: float) -> None:
        _, habits = unpack_habits(weights, NOBODY)
        self._habits = repeat_habits(habits, 1)
        self._last = self._heartbeat = now
        self._door = -np.inf

    def on_event(self, event: HomeEvent) -> list[Alarm]:
        self._last = max(self._last, event.t)
        if is_door(event):
            self._door = max(self._door, event.t)
        return []

    def on_heartbeat(self, t: float) -> None:
        self._heartbeat = t

    def on_tick(self, now: float) -> list[Alarm]:
        if now - self._heartbeat >= HUB_AWAY_SECONDS:
            return [Alarm(now, "device_fault", 1.0)]
        out = np.array([self._last - self._door <= LEAVING_SECONDS])
        score = float(score_silences(now, np.array([self._last]), out, self._habits)[0])
        return [Alarm(now, "inactivity", score)] if score > 0.1 else []


def is_door(event: HomeEvent) -> bool:
    return event.content.startswith("door")
