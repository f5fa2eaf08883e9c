"""The detector behind the acceptance protocol's interface: one instance per senior, times in local seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .calibration import fit_habits
from .features import SensorSign, read_events
from .habit_weights import pack_habits, unpack_habits
from .habits import repeat_habits
from .judgement import KINDS, judge
from .tracks import empty_tracks, hear_life, take_in

if TYPE_CHECKING:
    from collections.abc import Sequence

NOBODY = 0
# A hub that said nothing for two heartbeats is away, and its silence is nobody's.
HUB_AWAY_SECONDS = 600.0
LEAST_REPORTED = 0.25
PROTOCOL_KINDS = dict(zip(KINDS, ("inactivity", "no_wakeup", "not_returned"), strict=True))


class Alarm(NamedTuple):
    t: float
    kind: str
    score: float


class Detector:
    """`fit` gives the product's weights; alarms with a score of 1 or more are to be raised."""

    def fit(self, events: Sequence[SensorSign], fa_per_week: float = 0.25) -> bytes:
        return pack_habits(NOBODY, fit_habits(read_events(events), fa_per_week), "", "")

    def start(self, weights: bytes, now: float) -> None:
        self._habits = repeat_habits(unpack_habits(weights, NOBODY)[1], 1)
        self._tracks, self._fresh, self._heartbeat = empty_tracks(1), list[SensorSign](), now

    def on_event(self, event: SensorSign) -> None:
        self._fresh.append(event)

    def on_heartbeat(self, t: float) -> None:
        self._heartbeat = t

    def on_tick(self, now: float) -> list[Alarm]:
        take_in(self._tracks, hear_life(read_events(self._fresh), 0))
        self._fresh.clear()
        if now - self._heartbeat >= HUB_AWAY_SECONDS:
            return [Alarm(now, "device_fault", 1.0)]
        said = judge(self._tracks, self._habits, now)
        scores = {PROTOCOL_KINDS[KINDS[said.kind[0]]]: said.score[0], "wandering": said.wandering[0]}
        scores |= {"decline": said.routine[0], "device_fault": said.fault[0] > 0}
        return [Alarm(now, kind, float(score)) for kind, score in scores.items() if score > LEAST_REPORTED]
