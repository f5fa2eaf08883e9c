"""The detector: a silence is an emergency when it outlasts what this person ever kept at this hour of the day.

Fitted are 24 allowed silences, one per hour of the wall clock: the longest silence seen within that hour, times a
margin, never under 30 min and never over 12 h (telecare's usual fixed clock, and the bound while a home is still
being learned). The margin is the smallest of `MARGINS` that kept false alarms on held-out days within the target.

All times are seconds of the local wall clock (see features). Functions take and return numpy arrays over seniors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .features import DAY, HOUR, LONGEST_GAP, Seconds, count_days, measure_longest_silences

if TYPE_CHECKING:
    from numpy.typing import NDArray

DETECTOR = "longest_silence_by_hour"
FEATURES = ["longest_silence_by_hour"]
LEAST_DAYS = 7
LEARNING_DAYS = 28
LEAST_ALLOWED = 0.5 * HOUR
MOST_ALLOWED = 12 * HOUR
# The hour of the last event and a whole day after it: longer than any silence that is allowed.
HOURS_TO_ALARM = 25
MARGINS = (1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
FIRST_MARGIN = 1.25
FALSE_ALARMS_PER_WEEK = 0.25
FOLDS = 5

# Shares of the allowed silence. `warning` is the soft alarm that makes the robot ask. On five real homes, each taught
# by its earlier half, it came 1.2 times a week on the later one, where emergencies came 0.21 times.
WATCH = 0.5
WARNING = 0.7
LEVELS = ("normal", "watch", "warning", "emergency")


class TooLittleHistory(ValueError):
    """There are not enough days to learn a person's habits from. More days may come: fit again later."""


@dataclass(frozen=True)
class FittedSilences:
    """`allowed` and `longest`: float32 seconds, shape (24,). `metrics` are plain numbers, JSON-ready."""

    allowed: NDArray[np.float32]
    longest: NDArray[np.float32]
    metrics: dict[str, float | int]


class Validation(NamedTuple):
    """`counts`: false alarms per fold and margin; `weeks`: held-out weeks per fold."""

    counts: NDArray[np.int64]
    weeks: Seconds


def fit_silences(times: Seconds, target: float = FALSE_ALARMS_PER_WEEK) -> FittedSilences:
    """Learns a home's allowed silences from its ascending event times. Raises TooLittleHistory under a week of days."""
    days = count_days(times)
    if days < LEAST_DAYS:
        raise TooLittleHistory(f"{days} days with events, {LEAST_DAYS} are needed")
    validation = validate_forward(times)
    margin = choose_margin(validation, target)
    longest = measure_longest_silences(times)
    allowed = allow_silences(longest, margin)
    metrics = {
        "days": days,
        "events": int(times.size),
        "margin": margin,
        "held_out_weeks": round(float(validation.weeks.sum()), 3),
        "false_alarms_per_week": round(estimate_false_alarms(validation, target), 4),
        "mean_allowed_hours": round(float(allowed.mean()) / HOUR, 3),
        "learning": int(days < LEARNING_DAYS),
    }
    return FittedSilences(allowed, longest.astype(np.float32), metrics)


def allow_silences(longest: Seconds, margin: float) -> NDArray[np.float32]:
    return np.clip(longest * margin, LEAST_ALLOWED, MOST_ALLOWED).astype(np.float32)


def validate_forward(times: Seconds) -> Validation:
    """Forward chaining over days: each fold learns from the days before it and counts alarms on its own days."""
    # scikit-learn takes a second to import and is needed where weights are fitted, not where they are used
    from sklearn.model_selection import TimeSeriesSplit

    first = np.floor(times[0] / DAY)
    days = np.arange(first, np.floor(times[-1] / DAY) + 1)
    folds = min(FOLDS, len(days) - 1)
    counts = np.zeros((folds, len(MARGINS)), dtype=np.int64)
    weeks = np.zeros(folds)
    for fold, (_, held_out) in enumerate(TimeSeriesSplit(n_splits=folds).split(days)):
        start, end = days[held_out[0]] * DAY, (days[held_out[-1]] + 1) * DAY
        longest = measure_longest_silences(times[times < start])
        # the last event before the fold begins the fold's first silence
        test = times[max(0, int(np.searchsorted(times, start)) - 1) : int(np.searchsorted(times, end))]
        weeks[fold] = (end - start) / (7 * DAY)
        counts[fold] = [count_alarms(test, allow_silences(longest, margin)) for margin in MARGINS]
    return Validation(counts, weeks)


def count_alarms(times: Seconds, allowed: NDArray[np.float32]) -> int:
    """How many silences between these events outlasted `allowed`; absences beyond a day are neither right nor wrong."""
    start, end = times[:-1], times[1:]
    use = (end - start <= LONGEST_GAP) & (end - start >= LEAST_ALLOWED)
    start, end = start[use], end[use]
    return int((find_alarm_times(start, np.broadcast_to(allowed, (start.size, 24))) < end).sum())


def choose_margin(validation: Validation, target: float) -> float:
    """The smallest margin whose held-out false alarms per week are within `target`, else the largest."""
    if not validation.weeks.size:
        return FIRST_MARGIN
    rates = validation.counts.sum(axis=0) / validation.weeks.sum()
    within = np.flatnonzero(rates <= target)
    return MARGINS[int(within[0])] if within.size else MARGINS[-1]


def estimate_false_alarms(validation: Validation, target: float) -> float:
    """False alarms per week to expect: each fold is counted at the margin that the folds before it would have chosen.

    A rate counted on the very folds that chose the margin would flatter the detector.
    """
    alarms = 0
    for fold in range(len(validation.weeks)):
        earlier = Validation(validation.counts[:fold], validation.weeks[:fold])
        alarms += int(validation.counts[fold, MARGINS.index(choose_margin(earlier, target))])
    return alarms / float(validation.weeks.sum())


def find_alarm_times(last_events: Seconds, allowed: NDArray[np.float32]) -> Seconds:
    """The first moment at which each silence reaches what is allowed at that moment's hour.

    `last_events` has shape (n,), `allowed` (n, 24); the answer has shape (n,) and is exact: at the turn of an hour that
    allows less, the alarm is at that turn. It is always found, since no hour allows a whole day.
    """
    hours = _cut_into_hours(last_events, allowed, HOURS_TO_ALARM)
    return np.asarray(_find_reached(last_events, hours).min(axis=1))


def score_silences(now: float, last_events: Seconds, allowed: NDArray[np.float32]) -> Seconds:
    """How much of the allowed silence is used up, the highest since the last event: shape (n,), 1.0 is the alarm.

    It never falls while a silence lasts, also when a later hour allows more: an emergency ends by an event, not by the
    clock. It is at least 1 exactly from `find_alarm_times` on.
    """
    if not last_events.size:
        return np.zeros(0)
    passed = int((now - float(last_events.min())) // HOUR) + 2
    hours = _cut_into_hours(last_events, allowed, min(max(passed, 1), HOURS_TO_ALARM))
    alarmed = (_find_reached(last_events, hours) <= now).any(axis=1)
    ends = hours.ends.copy()
    ends[:, -1] = np.inf
    silences = np.minimum(ends, now) - last_events[:, None]
    ratios = np.where(hours.starts <= now, silences / hours.limits, 0.0).max(axis=1)
    return np.asarray(np.where(alarmed, np.maximum(ratios, 1.0), np.clip(ratios, 0.0, np.nextafter(1.0, 0.0))))


def grade_scores(scores: Seconds) -> NDArray[np.int64]:
    """Indices into `LEVELS`: normal, watch from 0.5, warning from 0.7, emergency from 1."""
    return np.searchsorted(np.array([WATCH, WARNING, 1.0]), scores, side="right")


def find_deciding_hour(now: float, last_event: float, allowed: NDArray[np.float32]) -> int:
    """The hour of the day whose limit speaks: the one that raised the alarm, else the present one."""
    alarm = float(find_alarm_times(np.array([last_event]), allowed[None, :])[0])
    return int(min(now, alarm) % DAY // HOUR)


class _Hours(NamedTuple):
    """The wall-clock hours from each last event on, shape (n, width): starts (cut at the event), ends, limits."""

    starts: Seconds
    ends: Seconds
    limits: Seconds


def _cut_into_hours(last_events: Seconds, allowed: NDArray[np.float32], width: int) -> _Hours:
    first = np.floor(last_events / HOUR)
    hours = first[:, None] + np.arange(float(width))
    columns = (first % 24).astype(np.int64)[:, None] + np.arange(width)
    limits = np.tile(allowed, 3)[np.arange(len(last_events))[:, None], columns].astype(np.float64)
    return _Hours(np.maximum(hours * HOUR, last_events[:, None]), (hours + 1) * HOUR, limits)


def _find_reached(last_events: Seconds, hours: _Hours) -> Seconds:
    """Per hour the moment at which its limit is reached, infinity where that is not within the hour."""
    reached = np.maximum(last_events[:, None] + hours.limits, hours.starts)
    return np.where(reached <= hours.ends, reached, np.inf)
