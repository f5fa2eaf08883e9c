"""What a tick finds about each senior of a shard: pure, one numpy pass over all who can be judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .detector import LEVELS, WATCH, find_alarm_times, find_usual_silences, grade_scores, score_silences
from .features import to_local
from .habits import choose_habits, stack_habits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .resident_weights import LoadedWeights

EVENT_TYPE = "inactivity"
# The stage of an episode rises only when the finding gets worse.
STAGES = {"warning": 0, "emergency": 1}


class Case(NamedTuple):
    """One senior to be judged. `last_event` is in epoch seconds, None when no activity is known.

    `out` says that a door was (nearly) the last that was heard; `obstacle` why there is nothing to judge by (the hub is
    away, or still delivers what it kept), else None.
    """

    senior_id: int
    last_event: float | None
    weights: LoadedWeights | None
    obstacle: str | None
    out: bool = False


class Silence(NamedTuple):
    """Spans in seconds: how long it has lasted, what is usual at this time of day, what is allowed."""

    lasted: float
    usual: float
    allowed: float
    out: bool


@dataclass(frozen=True)
class Finding:
    """`level` and `score` (0..1) with `reasons` as codes with numbers; `episode` from `warning` on."""

    senior_id: int
    level: str
    score: float = 0.0
    reasons: list[dict[str, Any]] = field(default_factory=list)
    episode: str | None = None
    last_event: float | None = None
    weights: LoadedWeights | None = None

    @property
    def gist(self) -> str:
        """What has to be reported at once when it changes; the growing numbers can wait for their minute."""
        return f"{self.level} {self.reasons[0]['code']} {self.episode or ''}".rstrip()

    @property
    def weight_id(self) -> int | None:
        return self.weights.ref.weight_id if self.weights else None


def judge_cases(now: float, cases: Sequence[Case]) -> list[Finding]:
    """One finding per case; `now` in epoch seconds. Who cannot be judged is `no_data`, never an emergency."""
    findings: list[Finding] = []
    judged: list[tuple[Case, float, LoadedWeights]] = []
    for case in cases:
        obstacle = find_obstacle(case)
        if obstacle is not None or case.last_event is None or case.weights is None:
            findings.append(Finding(case.senior_id, "no_data", reasons=[{"code": obstacle, "values": {}}]))
        else:
            judged.append((case, case.last_event, case.weights))
    if not judged:
        return findings
    last_events = to_local(np.array([last_event for _, last_event, _ in judged]))
    out = np.array([case.out for case, _, _ in judged])
    habits = stack_habits([weights.habits for _, _, weights in judged])
    local_now = float(to_local(np.array(now)))
    scores = score_silences(local_now, last_events, out, habits)
    levels = [LEVELS[grade] for grade in grade_scores(scores)]
    # when it will ring is told of those only who may: it costs more than the score
    suspect = np.flatnonzero(scores >= WATCH)
    alarms = np.full(len(judged), np.inf)
    alarms[suspect] = find_alarm_times(last_events[suspect], out[suspect], choose_habits(habits, suspect))
    usual = find_usual_silences(np.minimum(local_now, alarms), habits)
    for row, (case, last_event, weights) in enumerate(judged):
        silence = Silence(now - last_event, float(usual[row]), float(alarms[row] - last_events[row]), case.out)
        findings.append(describe_case(case.senior_id, last_event, weights, float(scores[row]), levels[row], silence))
    return findings


def find_obstacle(case: Case) -> str | None:
    if case.obstacle is not None:
        return case.obstacle
    if case.weights is None:
        return "no_weights"
    return "no_events" if case.last_event is None else None


def describe_case(
    senior_id: int, last_event: float, weights: LoadedWeights, score: float, level: str, silence: Silence
) -> Finding:
    """The finding with its numbers. The episode begins at the last event: it is constant while the silence lasts."""
    values = {
        "minutes": int(max(0.0, silence.lasted) // 60),
        "usual_max_minutes": round(silence.usual / 60),
    }
    if level != LEVELS[0]:
        values["allowed_minutes"] = round(silence.allowed / 60)
    start = datetime.fromtimestamp(int(last_event), UTC).isoformat()
    episode = f"{senior_id}:{EVENT_TYPE}:{start}:{STAGES[level]}" if level in STAGES else None
    reasons: list[dict[str, Any]] = [{"code": "silent_for", "values": values}]
    if silence.out:
        reasons.append({"code": "door_was_last", "values": {}})
    return Finding(senior_id, level, min(1.0, round(score, 4)), reasons, episode, last_event, weights)
