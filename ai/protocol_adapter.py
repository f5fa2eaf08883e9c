"""The detector behind the acceptance protocol's interface: one instance per senior, times in local seconds."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from .detector import fit_silences, score_silences


class Timed(Protocol):
    @property
    def t(self) -> float: ...


class Alarm(NamedTuple):
    t: float
    kind: str
    score: float


class Detector:
    """`fit` gives 96 bytes of allowed silences; alarms with a score of 1 or more are to be raised."""

    def fit(self, events: list[Timed], fa_per_week: float = 0.25) -> bytes:
        return fit_silences(np.array([event.t for event in events]), fa_per_week).allowed.tobytes()

    def start(self, weights: bytes, now: float) -> None:
        self._allowed = np.frombuffer(weights, dtype="<f4").reshape(1, 24)
        self._last = now

    def on_event(self, event: Timed) -> list[Alarm]:
        self._last = max(self._last, event.t)
        return []

    def on_heartbeat(self, t: float) -> None:
        """Silence is judged by events alone; whether the hub lives is known elsewhere."""

    def on_tick(self, now: float) -> list[Alarm]:
        score = float(score_silences(now, np.array([self._last]), self._allowed)[0])
        return [Alarm(now, "inactivity", score)] if score > 0.1 else []
