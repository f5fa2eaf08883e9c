"""What a tick finds about each senior of a shard: pure, one numpy pass over all. Words and reasons are made only for
the few who have to be told of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .detector import LEVELS, WATCH, find_usual_silences, grade_scores
from .features import DAY, to_epoch
from .habits import choose_habits
from .judgement import FAULTS, KINDS, NO_WAKE_UP, Judgement, choose_judgement, judge
from .movement import find_usual_dwelling
from .tracks import find_last

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .features import Flags, Seconds
    from .habits import Habits
    from .tracks import Tracks

# The stage of an episode rises only when the finding gets worse.
STAGES = {"warning": 0, "emergency": 1}

# What is raised apart from each other, and published by a book of its own.
SILENCE, WANDERING, ROUTINE = range(3)
RAISED = 3
EVENT_TYPES = {WANDERING: "night_wandering", ROUTINE: "routine_change"}
SEVERITIES = {SILENCE: "high", WANDERING: "medium", ROUTINE: "medium"}
# A changed routine is told of once in so many days while it lasts.
ROUTINE_DAYS = 28

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
    """The seniors of a shard, shape (n,) each. `obstacles` are indices into OBSTACLES; `weight_ids` are 0 for who is
    judged by the habits of people in general."""

    senior_ids: NDArray[np.int64]
    tracks: Tracks
    habits: Habits
    obstacles: NDArray[np.int64]
    weight_ids: NDArray[np.int64]
    versions: NDArray[np.int64]


class Verdicts(NamedTuple):
    """`levels` are indices into LEVELS, or NO_DATA; `gists` change when something has to be reported at once.

    `raised`, shape (n, 3): which of silence, wandering and routine is to be raised, and `starts` when it began, in
    local seconds, the same while it lasts. `said` is None when nobody could be judged.
    """

    scores: Seconds
    levels: NDArray[np.int64]
    gists: NDArray[np.int64]
    raised: Flags
    starts: Seconds
    said: Judgement


@dataclass(frozen=True)
class Finding:
    """`level` and `score` (0..1) with `reasons` as codes with numbers; `episode` from `warning` on. `began_at` is in
    epoch seconds. `event_type` and `severity` are what it is raised as."""

    senior_id: int
    level: str
    score: float = 0.0
    reasons: list[dict[str, Any]] = field(default_factory=list)
    episode: str | None = None
    began_at: float | None = None
    weight_id: int | None = None
    version: int = 0
    event_type: str = KINDS[0]
    severity: str = SEVERITIES[SILENCE]


def judge_cases(now: float, cases: Cases) -> Verdicts:
    """`now` in local seconds. Who cannot be judged is `no_data`, never an emergency."""
    obstacles = find_obstacles(cases)
    can_be = obstacles == 0
    said = judge(cases.tracks, cases.habits, now)
    scores = np.where(can_be, said.score, 0.0)
    levels = np.where(can_be, grade_scores(scores), NO_DATA)
    raised = np.stack([said.score >= 1, said.wandering >= 1, said.routine >= 1], axis=1) & can_be[:, None]
    told = can_be & (levels < LEVELS.index("watch")) & raised[:, 1:].any(axis=1)
    levels = np.where(told, LEVELS.index("watch"), levels)
    midnight = np.floor(now / DAY) * DAY
    starts = np.stack([said.since, np.full(levels.shape, midnight), np.full(levels.shape, find_period(now))], axis=1)
    has_episode = (levels >= WARNING) & (levels != NO_DATA)
    began = np.where(has_episode, said.since.astype(np.int64) * len(KINDS) + said.kind, obstacles)
    flags = said.dwells + 2 * raised[:, WANDERING] + 4 * raised[:, ROUTINE]
    gists = (began * 8 + np.where(can_be, flags, 0)) * (NO_DATA + 1) + levels
    return Verdicts(scores, levels, gists, raised, starts, said)


def find_period(now: float) -> float:
    """The beginning of the four weeks in which a changed routine is one episode."""
    return float(np.floor(now / DAY / ROUTINE_DAYS) * ROUTINE_DAYS * DAY)


def find_obstacles(cases: Cases) -> NDArray[np.int64]:
    silent = np.where(find_last(cases.tracks) > 0, 0, OBSTACLES.index("no_events"))
    return np.where(cases.obstacles != 0, cases.obstacles, silent)


def describe_rows(now: float, cases: Cases, verdicts: Verdicts, rows: NDArray[np.int64]) -> list[Finding]:
    """The state of some of the seniors as risks, in the order of `rows`."""
    obstacles = find_obstacles(cases)[rows]
    notes = find_notes(now, cases, verdicts, rows)
    findings = []
    for place, row in enumerate(rows):
        level = int(verdicts.levels[row])
        if level == NO_DATA:
            reason = {"code": OBSTACLES[obstacles[place]], "values": {}}
            findings.append(Finding(int(cases.senior_ids[row]), "no_data", reasons=[reason]))
        else:
            findings.append(describe_silence(cases, verdicts, int(row), notes[place]))
    return findings


def describe_raised(now: float, cases: Cases, verdicts: Verdicts, rows: NDArray[np.int64], what: int) -> list[Finding]:
    """What is raised of one of SILENCE, WANDERING, ROUTINE, of some of the seniors."""
    if what == SILENCE:
        return describe_rows(now, cases, verdicts, rows)
    notes = find_notes(now, cases, verdicts, rows)
    findings = []
    for place, row in enumerate(rows):
        start = float(to_epoch(verdicts.starts[row, what]))
        senior_id, name = int(cases.senior_ids[row]), EVENT_TYPES[what]
        findings.append(
            Finding(
                senior_id=senior_id,
                level="watch",
                score=1.0,
                reasons=notes[place].routine if what == ROUTINE else notes[place].walk,
                episode=spell_episode(senior_id, name, start, STAGES["emergency"]),
                began_at=None if what == WANDERING else start,
                weight_id=int(cases.weight_ids[row]) or None,
                version=int(cases.versions[row]),
                event_type=name,
                severity=SEVERITIES[what],
            )
        )
    return findings


class Notes(NamedTuple):
    """Reasons about one senior, as codes with numbers: of the silence, beside it, of a walk, of a changed routine."""

    silence: dict[str, Any]
    beside: list[dict[str, Any]]
    walk: list[dict[str, Any]]
    routine: list[dict[str, Any]]


def find_notes(now: float, cases: Cases, verdicts: Verdicts, rows: NDArray[np.int64]) -> list[Notes]:
    said = choose_judgement(verdicts.said, rows)
    habits = choose_habits(cases.habits, rows)
    usual = find_usual_silences(np.minimum(now, said.alarm), habits)
    usual_dwelling = find_usual_dwelling(said.since, habits)
    return [
        Notes(
            _note_dwelling(now, said, place, float(usual_dwelling[place]))
            if said.dwells[place]
            else _note_silence(now, said, place, float(usual[place])),
            [*_note_beside(said, habits, place), *([] if cases.weight_ids[row] else [_reason("learning")])],
            [_reason("walking_at_night", times_usual=round(float(said.wandering[place]), 2))],
            [_reason("routine_changed", times_usual=round(float(said.routine[place]), 2))],
        )
        for place, row in enumerate(rows)
    ]


def _reason(code: str, **values: float) -> dict[str, Any]:
    return {"code": code, "values": values}


def _note_silence(now: float, said: Judgement, place: int, usual: float) -> dict[str, Any]:
    values: dict[str, float] = {
        "minutes": int(max(0.0, now - said.last[place]) // 60),
        "usual_max_minutes": round(usual / 60),
    }
    if said.score[place] >= WATCH:
        values["allowed_minutes"] = round((said.alarm[place] - said.last[place]) / 60)
    return _reason("silent_for", **values)


def _note_dwelling(now: float, said: Judgement, place: int, usual: float) -> dict[str, Any]:
    minutes = int(max(0.0, now - said.since[place]) // 60)
    return _reason("same_place_for", minutes=minutes, usual_max_minutes=round(usual / 60))


def _note_beside(said: Judgement, habits: Habits, place: int) -> list[dict[str, Any]]:
    notes = []
    if said.out[place] and not said.dwells[place]:
        notes.append(_reason("door_was_last"))
    if said.kind[place] == NO_WAKE_UP and not said.dwells[place]:
        notes.append(_reason("not_up_yet", usual_minute_of_day=round(float(habits.rising[place].min()) / 60)))
    if said.distrusted[place]:
        notes.append(_reason("sensor_not_trusted"))
    if said.fault[place]:
        notes.append(_reason(FAULTS[said.fault[place]]))
    if said.wandering[place] >= 1:
        notes.append(_reason("walking_at_night", times_usual=round(float(said.wandering[place]), 2)))
    if said.routine[place] >= 1:
        notes.append(_reason("routine_changed", times_usual=round(float(said.routine[place]), 2)))
    return notes


def describe_silence(cases: Cases, verdicts: Verdicts, row: int, notes: Notes) -> Finding:
    """The finding with its numbers. The episode begins with the condition: it is constant while that lasts."""
    senior_id, level = int(cases.senior_ids[row]), LEVELS[verdicts.levels[row]]
    began_at = float(to_epoch(verdicts.said.since[row]))
    name = KINDS[verdicts.said.kind[row]]
    return Finding(
        senior_id=senior_id,
        level=level,
        score=min(1.0, round(float(verdicts.scores[row]), 4)),
        reasons=[notes.silence, *notes.beside],
        episode=spell_episode(senior_id, name, began_at, STAGES[level]) if level in STAGES else None,
        began_at=began_at,
        weight_id=int(cases.weight_ids[row]) or None,
        version=int(cases.versions[row]),
        event_type=name,
    )


def spell_episode(senior_id: int, event_type: str, began_at: float, stage: int) -> str:
    return f"{senior_id}:{event_type}:{datetime.fromtimestamp(int(began_at), UTC).isoformat()}:{stage}"
