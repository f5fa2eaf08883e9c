"""The detector: how far a silence goes beyond what is usual for this person, now, after what was last heard.

The score of a silence of s seconds, in logarithms (so that 0 is the alarm):

    usual  = usual(now)^0.75 * usual(begun)^0.25                from the tables of `Habits`, for at_home and anywhere
    home   = ln(s / usual_at_home), or after a door ln(s / usual_anywhere)
    score  = min(home, ln 1.5 + 0.5 * ln(s / usual_anywhere))  - ln margin

The minimum is the tail of a mixture: who was last heard at home is at home, but now and then has left unheard. In the
morning `0.75 per hour past the usual latest rising` counts as well, for whoever has not stirred since before five.
Nothing is an emergency under half an hour, everything is after twelve hours (telecare's usual fixed clock).

All times are seconds of the local wall clock (see features). Functions take and return numpy arrays over seniors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .features import DAY, HOUR, MORNING_ENDS, NIGHT_ENDS, SLOT, SLOTS, Flags, Seconds
from .habits import Habits, choose_habits

if TYPE_CHECKING:
    from numpy.typing import NDArray

DETECTOR = "silence_by_habit"
LEAST_ALLOWED = 0.5 * HOUR
MOST_ALLOWED = 12 * HOUR
# The half-hour of the last event and a whole day after it: longer than any silence that is allowed.
SLOTS_TO_ALARM = 49
SHARE_OF_NOW = 0.75
UNHEARD_LEAVING = float(np.log(1.5))
UNHEARD_SLOPE = 0.5
OVERSLEPT_PER_SECOND = 0.75 / HOUR
SHORTEST_SLEEP = 1.5 * HOUR
RECENT = 1.5 * HOUR

# Shares of the emergency's score. `warning` is the soft alarm that makes the robot ask: with the tail that is usual
# for people (see calibration) it comes four times as often as the emergency.
WATCH = 0.5
WARNING = 0.8
LEVELS = ("normal", "watch", "warning", "emergency")


def find_alarm_times(last_events: Seconds, out: Flags, habits: Habits) -> Seconds:
    """The first moment at which each silence is an emergency: shape (n,), exact, at most 12 h after the last event.

    Where a half-hour allows less than the silence has lasted already, the alarm is at the turn of that half-hour.
    """
    slots = _cut_into_slots(last_events, SLOTS_TO_ALARM)
    return np.asarray(_find_reached(last_events, out, slots, habits).min(axis=1))


def score_silences(now: float | Seconds, last_events: Seconds, out: Flags, habits: Habits) -> Seconds:
    """The highest score since the last event: shape (n,), 1.0 is the emergency. `now` is one moment or n.

    It never falls while a silence lasts, also when a later half-hour allows more: an emergency ends by an event, not by
    the clock. It is at least 1 exactly from `find_alarm_times` on.
    """
    present = np.broadcast_to(np.asarray(now, dtype=np.float64), last_events.shape)
    scores = np.zeros(last_events.shape)
    recent = present - last_events < RECENT
    # most of a fleet was active just now: their few half-hours are not padded to those of the longest silence
    for rows in (recent, ~recent):
        if rows.any():
            scores[rows] = _score_rows(present[rows], last_events[rows], out[rows], choose_habits(habits, rows))
    return scores


def _score_rows(now: Seconds, last_events: Seconds, out: Flags, habits: Habits) -> Seconds:
    present = now[:, None]
    passed = int(float((now - last_events).max()) // SLOT) + 2
    slots = _cut_into_slots(last_events, min(max(passed, 1), SLOTS_TO_ALARM))
    alarmed = (_find_reached(last_events, out, slots, habits) <= present).any(axis=1)
    ends = slots.ends.copy()
    ends[:, -1] = np.inf
    moments = np.minimum(ends, present)
    logs = _score_moments(moments, last_events, out, slots, habits)
    scores = np.exp(np.where((slots.starts <= present) & (moments > last_events[:, None]), logs, -np.inf).max(axis=1))
    return np.asarray(np.where(alarmed, np.maximum(scores, 1.0), np.minimum(scores, np.nextafter(1.0, 0.0))))


def grade_scores(scores: Seconds) -> NDArray[np.int64]:
    """Indices into `LEVELS`: normal, watch from 0.5, warning from 0.8, emergency from 1."""
    return np.searchsorted(np.array([WATCH, WARNING, 1.0]), scores, side="right")


def find_usual_silences(moments: Seconds, habits: Habits) -> Seconds:
    """The longest usual silence at home at each moment: shape (n,), seconds."""
    rows = np.arange(moments.size)
    return np.asarray(habits.at_home[rows, 0, (moments // SLOT % SLOTS).astype(np.int64)], dtype=np.float64)


class _Slots(NamedTuple):
    """The half-hours from each last event on, shape (n, width): starts (cut at the event), ends, places in the day."""

    starts: Seconds
    ends: Seconds
    places: NDArray[np.int64]


def _cut_into_slots(last_events: Seconds, width: int) -> _Slots:
    slots = np.floor(last_events / SLOT)[:, None] + np.arange(float(width))
    places = (slots % SLOTS).astype(np.int64)
    return _Slots(np.maximum(slots * SLOT, last_events[:, None]), (slots + 1) * SLOT, places)


def _mix_views(tables: NDArray[np.floating], slots: _Slots) -> Seconds:
    """The logarithm of the usual silence in each half-hour, given in which one the silence began."""
    rows = np.arange(len(tables))[:, None]
    now = np.log(tables[rows, 0, slots.places].astype(np.float64))
    begun = np.log(tables[rows, 1, slots.places[:, :1]].astype(np.float64))
    return np.asarray(SHARE_OF_NOW * now + (1 - SHARE_OF_NOW) * begun)


def _score_moments(moments: Seconds, last_events: Seconds, out: Flags, slots: _Slots, habits: Habits) -> Seconds:
    """Logarithmic scores at one moment of each half-hour, shape (n, width)."""
    lasted = np.log(np.maximum(moments - last_events[:, None], 1e-3))
    anywhere = lasted - _mix_views(habits.anywhere, slots)
    nearer = np.where(out[:, None], anywhere, lasted - _mix_views(habits.at_home, slots))
    margin = np.log(habits.margin.astype(np.float64))
    silence = np.minimum(nearer, UNHEARD_LEAVING + UNHEARD_SLOPE * anywhere) - margin
    overslept = (moments - _find_rising(last_events, slots, habits)) * OVERSLEPT_PER_SECOND - margin
    slept = moments >= last_events[:, None] + SHORTEST_SLEEP
    scores = np.maximum(silence, np.where(slept, overslept, -np.inf))
    return np.asarray(np.maximum(np.minimum(scores, lasted - np.log(LEAST_ALLOWED)), lasted - np.log(MOST_ALLOWED)))


def _find_reached(last_events: Seconds, out: Flags, slots: _Slots, habits: Habits) -> Seconds:
    """Per half-hour the moment at which the score reaches 1, infinity where that is not within the half-hour."""
    margin = np.log(habits.margin.astype(np.float64))
    anywhere = _mix_views(habits.anywhere, slots)
    nearer = np.where(out[:, None], anywhere, _mix_views(habits.at_home, slots))
    allowed = np.exp(np.maximum(nearer + margin, anywhere + (margin - UNHEARD_LEAVING) / UNHEARD_SLOPE))
    silent = last_events[:, None] + np.clip(allowed, LEAST_ALLOWED, MOST_ALLOWED)
    rising = _find_rising(last_events, slots, habits) + margin / OVERSLEPT_PER_SECOND
    overslept = np.maximum(rising, last_events[:, None] + SHORTEST_SLEEP)
    reached = np.maximum(np.minimum(silent, overslept), slots.starts)
    return np.where(reached <= slots.ends, reached, np.inf)


def _find_rising(last_events: Seconds, slots: _Slots, habits: Habits) -> Seconds:
    """When the person is up at the latest: in half-hours of a morning that no sign preceded, else never."""
    midnights = np.floor(slots.starts / DAY) * DAY
    times = slots.places * SLOT
    morning = (times >= NIGHT_ENDS) & (times < MORNING_ENDS) & (last_events[:, None] < midnights + NIGHT_ENDS)
    return np.where(morning, midnights + habits.rising, np.inf)
