"""What a tick finds about each senior of a shard: pure, one numpy pass over all. Words and reasons are made only for
the few who have to be told of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .detector import LEVELS, WATCH, find_alarm_times, find_usual_silences, grade_scores, score_silences
from .features import to_epoch
from .habits import choose_habits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .features import Flags, Seconds
    from .habits import Habits

EVENT_TYPE = "inactivity"
# The stage of an episode rises only when the finding gets worse.
STAGES = {"warning": 0, "emergency": 1}

# Why there is nothing to judge by.
OBSTACLES = (
    "",
    "no_hub",
    "hub_never_seen",
    "hub_offline",
    "hub_catching_up",
    "no_weights",
    "weights_loading",
    "no_events",
)
NO_DATA = len(LEVELS)
EMERGENCY = LEVELS.index("emergency")
WARNING = LEVELS.index("warning")


class Cases(NamedTuple):
    """The seniors of a shard, shape (n,) each. Times are local seconds, `last` 0 when no activity is known.

    `out` says that a door was (nearly) the last that was heard; `obstacles` are indices into OBSTACLES.
    """

    senior_ids: NDArray[np.int64]
    last: Seconds
    out: Flags
    habits: Habits
    obstacles: NDArray[np.int64]
    weight_ids: NDArray[np.int64]
    versions: NDArray[np.int64]


class Verdicts(NamedTuple):
    """`levels` are indices into LEVELS, or NO_DATA; `gists` change when something has to be reported at once."""

    scores: Seconds
    levels: NDArray[np.int64]
    gists: NDArray[np.int64]


@dataclass(frozen=True)
class Finding:
    """`level` and `score` (0..1) with `reasons` as codes with numbers; `episode` from `warning` on. `last_event` is in
    epoch seconds."""

    senior_id: int
    level: str
    score: float = 0.0
    reasons: list[dict[str, Any]] = field(default_factory=list)
    episode: str | None = None
    last_event: float | None = None
    weight_id: int | None = None
    version: int = 0


def judge_cases(now: float, cases: Cases) -> Verdicts:
    """`now` in local seconds. Who cannot be judged is `no_data`, never an emergency."""
    obstacles = find_obstacles(cases)
    judged = np.flatnonzero(obstacles == 0)
    scores = np.zeros(cases.last.shape)
    levels = np.full(cases.last.shape, NO_DATA)
    if judged.size:
        habits = cases.habits if judged.size == cases.last.size else choose_habits(cases.habits, judged)
        scores[judged] = score_silences(now, cases.last[judged], cases.out[judged], habits)
        levels[judged] = grade_scores(scores[judged])
    has_episode = (levels >= WARNING) & (levels != NO_DATA)
    starts = np.where(has_episode, cases.last.astype(np.int64), obstacles)
    return Verdicts(scores, levels, starts * (NO_DATA + 1) + levels)


def find_obstacles(cases: Cases) -> NDArray[np.int64]:
    silent = np.where(cases.last > 0, 0, OBSTACLES.index("no_events"))
    return np.where(cases.obstacles != 0, cases.obstacles, silent)


def describe_rows(now: float, cases: Cases, verdicts: Verdicts, rows: NDArray[np.int64]) -> list[Finding]:
    """The findings about some of the seniors, in the order of `rows`."""
    habits = choose_habits(cases.habits, rows)
    last, out, scores = cases.last[rows], cases.out[rows], verdicts.scores[rows]
    # when it will ring is told of those only who may: it costs more than the score
    suspect = np.flatnonzero((scores >= WATCH) & (verdicts.levels[rows] != NO_DATA))
    alarms = np.full(rows.size, np.inf)
    alarms[suspect] = find_alarm_times(last[suspect], out[suspect], choose_habits(habits, suspect))
    usual = find_usual_silences(np.minimum(now, alarms), habits)
    obstacles = find_obstacles(cases)
    findings = []
    for place, row in enumerate(rows):
        senior_id, level = int(cases.senior_ids[row]), int(verdicts.levels[row])
        if level == NO_DATA:
            reason = {"code": OBSTACLES[obstacles[row]], "values": {}}
            findings.append(Finding(senior_id, "no_data", reasons=[reason]))
            continue
        silence = Silence(now - last[place], float(usual[place]), float(alarms[place] - last[place]), bool(out[place]))
        finding = describe_case(senior_id, float(to_epoch(last[place])), float(scores[place]), LEVELS[level], silence)
        judged_by = {"weight_id": int(cases.weight_ids[row]) or None, "version": int(cases.versions[row])}
        findings.append(Finding(**{**finding.__dict__, **judged_by}))
    return findings


class Silence(NamedTuple):
    """Spans in seconds: how long it has lasted, what is usual at this time of day, what is allowed."""

    lasted: float
    usual: float
    allowed: float
    out: bool


def describe_case(senior_id: int, last_event: float, score: float, level: str, silence: Silence) -> Finding:
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
    return Finding(senior_id, level, min(1.0, round(score, 4)), reasons, episode, last_event)
