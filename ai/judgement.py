"""What the detector says of n seniors at one moment, from their tracks and habits: one vectorised pass. Pure.

A score of 1 is to be raised. `score` is the emergency's: the higher of the silence's and the dwelling's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .decline import score_decline
from .detector import WATCH, Silence, find_alarm_times, score_silences
from .features import DAY, DOOR, HOUR, LEAVING_SECONDS, MORNING_ENDS, NIGHT_ENDS, Flags, Seconds
from .habits import Habits, choose_habits
from .movement import LEAST_DWELLING, find_dwellings, measure_walks, score_dwellings
from .trust import believe, find_dead, find_lengthening, find_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .tracks import Tracks

KINDS = ("inactivity", "no_wake_up", "not_returned")
INACTIVITY, NO_WAKE_UP, NOT_RETURNED = range(3)
FAULTS = ("", "sensor_dead", "sensor_chattering")
DEAD, CHATTERING = 1, 2

# Whoever gave a sign within half an hour and is not at one place for hours needs no closer look.
QUIET = 0.5 * HOUR


class Judgement(NamedTuple):
    """Shape (n,) each; times in local seconds.

    `score`, `kind` (index into KINDS), `since`: the emergency, and when its condition began. `last`: the last sign,
    0 when there never was one (all scores are 0 then). `out`: that sign was a door's. `alarm`: when the silence becomes
    an emergency, infinity below WATCH. `dwells`: the score is that of somebody at one place. `distrusted`: a sensor was
    not trusted, so that longer silences are allowed. `wandering`, `routine`: scores of their own classes. `fault`:
    index into FAULTS, `fault_sensor` its key.
    """

    score: Seconds
    kind: NDArray[np.int64]
    since: Seconds
    last: Seconds
    out: Flags
    alarm: Seconds
    dwells: Flags
    distrusted: Flags
    wandering: Seconds
    routine: Seconds
    fault: NDArray[np.int64]
    fault_sensor: NDArray[np.int64]


def choose_judgement(said: Judgement, rows: NDArray[np.int64]) -> Judgement:
    """Of some of the seniors."""
    return Judgement(**{name: values[rows] for name, values in said._asdict().items()})


def judge(tracks: Tracks, habits: Habits, now: float | Seconds) -> Judgement:
    """Judges each of n tracks by its habits (stacked) at `now`, one moment or n, in local seconds."""
    present = np.broadcast_to(np.asarray(now, dtype=np.float64), (len(tracks),))
    today = np.floor(present / DAY).astype(np.int64)
    seen, chatters = believe(tracks, habits)
    last = seen.max(axis=1)
    known = last > 0
    silence = _hear_silences(tracks, seen, habits)
    missing = np.zeros((len(tracks), habits.vital.shape[1]), dtype=np.int64)
    scores = np.zeros(len(tracks))
    alarm = np.full(len(tracks), np.inf)
    quiet = np.flatnonzero(known & (present - last >= QUIET))
    if quiet.size:
        own = choose_habits(habits, quiet)
        missing[quiet] = find_missing(tracks[quiet], seen[quiet], today[quiet], own)
        without, later = find_lengthening(missing[quiet], own)
        heard = silence.choose(quiet)._replace(without=without, later=later)
        scores[quiet] = score_silences(present[quiet], heard, own)
        suspect = np.flatnonzero(scores[quiet] >= WATCH)
        alarm[quiet[suspect]] = find_alarm_times(heard.choose(suspect), choose_habits(own, suspect))
    dwelling = _score_staying(tracks, seen, today, habits)
    dwells = dwelling.scores > scores
    fault, fault_sensor = _find_faults(tracks, chatters, missing, habits)
    walks = np.where(chatters.any(axis=1), 0.0, measure_walks(tracks, seen, present))
    return Judgement(
        score=np.where(dwells, dwelling.scores, scores),
        kind=np.where(dwells, INACTIVITY, _find_kinds(last, silence.out, alarm)),
        since=np.where(dwells, dwelling.starts, last),
        last=last,
        out=silence.out,
        alarm=alarm,
        dwells=dwells,
        distrusted=np.asarray((missing > habits.patience).any(axis=1)),
        wandering=np.where(known, walks / habits.night[:, 0].astype(np.float64), 0.0),
        routine=score_decline(tracks, today, habits),
        fault=fault,
        fault_sensor=fault_sensor,
    )


def hear_silences(tracks: Tracks, habits: Habits, now: float | Seconds) -> Silence:
    """What the present silences begin with, all that is known of the sensors taken into account."""
    present = np.broadcast_to(np.asarray(now, dtype=np.float64), (len(tracks),))
    seen, _ = believe(tracks, habits)
    missing = find_missing(tracks, seen, np.floor(present / DAY).astype(np.int64), habits)
    without, later = find_lengthening(missing, habits)
    return _hear_silences(tracks, seen, habits)._replace(without=without, later=later)


def find_alarms(tracks: Tracks, habits: Habits, now: float | Seconds) -> Seconds:
    """The moment at which each present silence becomes an emergency if nothing more is heard: shape (n,)."""
    return find_alarm_times(hear_silences(tracks, habits, now), habits)


def _hear_silences(tracks: Tracks, seen: Seconds, habits: Habits) -> Silence:
    rows = np.arange(len(tracks))
    slot = seen.argmax(axis=1)
    last = seen[rows, slot]
    door = np.where(tracks["word"] == DOOR, seen, 0).max(axis=1)
    here = habits.places == tracks["key"][rows, slot][:, None]
    ease = np.where(here, np.log(habits.ease.astype(np.float64)), 0.0).min(axis=1)
    return Silence(last, (door > 0) & (last - door <= LEAVING_SECONDS), ease)


class _Staying(NamedTuple):
    scores: Seconds
    starts: Seconds


def _score_staying(tracks: Tracks, seen: Seconds, today: NDArray[np.int64], habits: Habits) -> _Staying:
    """Only for whom one sensor alone was heard for three hours: finding the rest costs more than all else."""
    two = np.partition(seen, -2, axis=1)[:, -2:]
    staying = _Staying(np.zeros(len(tracks)), np.zeros(len(tracks)))
    rows = np.flatnonzero(two[:, 1] - two[:, 0] >= LEAST_DWELLING * WATCH)
    if rows.size:
        dwelling = find_dwellings(tracks[rows], seen[rows], today[rows])
        staying.scores[rows] = score_dwellings(dwelling, choose_habits(habits, rows))
        staying.starts[rows] = dwelling.starts
    return staying


def _find_kinds(last: Seconds, out: Flags, alarm: Seconds) -> NDArray[np.int64]:
    """A silence has one kind from beginning to end: it depends on when it began and when it becomes an emergency."""
    rings = np.where(np.isfinite(alarm), alarm, 0.0)
    midnight = np.floor(rings / DAY) * DAY
    morning = (rings - midnight >= NIGHT_ENDS) & (rings - midnight < MORNING_ENDS) & (last < midnight + NIGHT_ENDS)
    return np.where(out, NOT_RETURNED, np.where(morning, NO_WAKE_UP, INACTIVITY))


def _find_faults(
    tracks: Tracks, chatters: Flags, missing: NDArray[np.int64], habits: Habits
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    dead = find_dead(missing, habits)
    fault = np.where(chatters.any(axis=1), CHATTERING, np.where(dead.any(axis=1), DEAD, 0))
    rows = np.arange(len(tracks))
    chattering = tracks["key"][rows, chatters.argmax(axis=1)]
    silent = habits.vital[rows, dead.argmax(axis=1)]
    sensor = np.where(fault == CHATTERING, chattering, np.where(fault == DEAD, silent, 0))
    return fault, sensor.astype(np.int64)
