"""The detector of silences: how far one goes beyond what is usual for this person, now, after what was last heard.

The score of a silence of s seconds, in logarithms (so that 0 is the alarm):

    usual  = 0.75 * table[now] + 0.25 * table[begun]            from the tables of `Habits`, longer without a sensor
    home   = s - usual(at_home) - ease(place), or after a door s - usual(anywhere) - ease(place)
    score  = min(home, ln 1.5 + 0.5 * (s - usual(anywhere)))  - margin

The minimum is the tail of a mixture: who was last heard at home is at home, but now and then has left unheard. In the
morning `0.75 per hour past the usual latest rising` counts as well, for whoever has not stirred since before five.
Nothing is an emergency under half an hour, everything is after twelve hours (telecare's usual fixed clock).

All times are seconds of the local wall clock (see features). Functions take and return numpy arrays over seniors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .features import DAY, HOUR, MORNING_ENDS, NIGHT_ENDS, SLOT, SLOTS, Flags, Seconds
from .habits import WATCHES, Habits, choose_habits, is_weekend

if TYPE_CHECKING:
    from numpy.typing import NDArray

DETECTOR = "anbu_habits"
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


class Silence(NamedTuple):
    """What n silences begin with, shape (n,): the last sign, whether a door's, and where it was.

    `ease` is the logarithm by which silences are shorter after this place (0 or less). `without` (n, 2, 8) and `later`
    say, of homes in which a sensor is not trusted, by which logarithm silences are longer without it, and by how many
    seconds days begin later; None when all are trusted.
    """

    last: Seconds
    out: Flags
    ease: Seconds
    without: Seconds | None = None
    later: Seconds | None = None

    def choose(self, rows: Flags | NDArray[np.int64]) -> Silence:
        return Silence(*(None if values is None else values[rows] for values in self))  # type: ignore[arg-type]


def begin_silences(last: Seconds, out: Flags) -> Silence:
    """Silences after a place of which nothing is known."""
    return Silence(last, out, np.zeros(last.shape))


def find_alarm_times(silence: Silence, habits: Habits) -> Seconds:
    """The first moment at which each silence is an emergency: shape (n,), exact, at most 12 h after the last event.

    Where a half-hour allows less than the silence has lasted already, the alarm is at the turn of that half-hour.
    """
    slots = _cut_into_slots(silence.last, SLOTS_TO_ALARM)
    return np.asarray(_find_reached(silence, slots, habits).min(axis=1))


def score_silences(now: Seconds, silence: Silence, habits: Habits) -> Seconds:
    """The highest score since the last event: shape (n,), 1.0 is the emergency. `now` is one moment or n.

    It never falls while a silence lasts, also when a later half-hour allows more: an emergency ends by an event, not by
    the clock. It is at least 1 exactly from `find_alarm_times` on.
    """
    present = np.broadcast_to(np.asarray(now, dtype=np.float64), silence.last.shape)
    scores = np.zeros(silence.last.shape)
    recent = present - silence.last < RECENT
    # most of a fleet was active just now: their few half-hours are not padded to those of the longest silence
    for rows in (recent, ~recent):
        if rows.any():
            scores[rows] = _score_rows(present[rows], silence.choose(rows), choose_habits(habits, rows))
    return scores


def _score_rows(now: Seconds, silence: Silence, habits: Habits) -> Seconds:
    present = now[:, None]
    passed = int(float((now - silence.last).max()) // SLOT) + 2
    slots = _cut_into_slots(silence.last, min(max(passed, 1), SLOTS_TO_ALARM))
    alarmed = (_find_reached(silence, slots, habits) <= present).any(axis=1)
    ends = slots.ends.copy()
    ends[:, -1] = np.inf
    moments = np.minimum(ends, present)
    logs = _score_moments(moments, silence, slots, habits)
    scores = np.exp(np.where((slots.starts <= present) & (moments > silence.last[:, None]), logs, -np.inf).max(axis=1))
    return np.asarray(np.where(alarmed, np.maximum(scores, 1.0), np.minimum(scores, np.nextafter(1.0, 0.0))))


def grade_scores(scores: Seconds) -> NDArray[np.int64]:
    """Indices into `LEVELS`: normal, watch from 0.5, warning from 0.8, emergency from 1."""
    return np.searchsorted(np.array([WATCH, WARNING, 1.0]), scores, side="right")


def find_usual_silences(moments: Seconds, habits: Habits) -> Seconds:
    """The longest usual silence at home at each moment: shape (n,), seconds."""
    rows = np.arange(moments.size)
    return np.asarray(habits.at_home[rows, 0, (moments // SLOT % SLOTS).astype(np.int64)], dtype=np.float64)


def mix_views(tables: NDArray[np.floating], last: Seconds, width: int) -> Seconds:
    """The logarithm of the usual span in each of `width` half-hours from each beginning on, given when it began."""
    return _mix_views(tables, _cut_into_slots(last, width))


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
    rows = np.arange(len(tables))[:, None]
    now = np.log(tables[rows, 0, slots.places].astype(np.float64))
    begun = np.log(tables[rows, 1, slots.places[:, :1]].astype(np.float64))
    return np.asarray(SHARE_OF_NOW * now + (1 - SHARE_OF_NOW) * begun)


class _Usual(NamedTuple):
    """In logarithms, shape (n, width): after the last sign as it was, anywhere; and the margin (n, 1)."""

    nearer: Seconds
    anywhere: Seconds
    margin: Seconds


def _find_usual(silence: Silence, slots: _Slots, habits: Habits) -> _Usual:
    anywhere = _mix_views(habits.anywhere, slots)
    at_home = _mix_views(habits.at_home, slots)
    longer: Seconds | float = 0.0
    if silence.without is not None:
        rows = np.arange(len(slots.places))[:, None]
        watches = slots.places // (SLOTS // WATCHES)
        longer = SHARE_OF_NOW * silence.without[rows, 0, watches]
        longer = longer + (1 - SHARE_OF_NOW) * silence.without[rows, 1, watches[:, :1]]
    nearer = np.where(silence.out[:, None], anywhere, at_home) + silence.ease[:, None] + longer
    return _Usual(nearer, anywhere + longer, np.log(habits.margin.astype(np.float64)))


def _score_moments(moments: Seconds, silence: Silence, slots: _Slots, habits: Habits) -> Seconds:
    """Logarithmic scores at one moment of each half-hour, shape (n, width)."""
    usual = _find_usual(silence, slots, habits)
    lasted = np.log(np.maximum(moments - silence.last[:, None], 1e-3))
    unheard = UNHEARD_LEAVING + UNHEARD_SLOPE * (lasted - usual.anywhere)
    scores = np.minimum(lasted - usual.nearer, unheard) - usual.margin
    overslept = (moments - _find_rising(silence, slots, habits)) * OVERSLEPT_PER_SECOND - usual.margin
    slept = moments >= silence.last[:, None] + SHORTEST_SLEEP
    scores = np.maximum(scores, np.where(slept, overslept, -np.inf))
    return np.asarray(np.maximum(np.minimum(scores, lasted - np.log(LEAST_ALLOWED)), lasted - np.log(MOST_ALLOWED)))


def _find_reached(silence: Silence, slots: _Slots, habits: Habits) -> Seconds:
    """Per half-hour the moment at which the score reaches 1, infinity where that is not within the half-hour."""
    usual = _find_usual(silence, slots, habits)
    margin, last = usual.margin, silence.last[:, None]
    allowed = np.exp(np.maximum(usual.nearer + margin, usual.anywhere + (margin - UNHEARD_LEAVING) / UNHEARD_SLOPE))
    silent = last + np.clip(allowed, LEAST_ALLOWED, MOST_ALLOWED)
    rising = _find_rising(silence, slots, habits) + margin / OVERSLEPT_PER_SECOND
    overslept = np.maximum(rising, last + SHORTEST_SLEEP)
    reached = np.maximum(np.minimum(silent, overslept), slots.starts)
    return np.where(reached <= slots.ends, reached, np.inf)


def _find_rising(silence: Silence, slots: _Slots, habits: Habits) -> Seconds:
    """When the person is up at the latest: in half-hours of a morning that no sign preceded, else never."""
    days = np.floor(slots.starts / DAY)
    midnights = days * DAY
    times = slots.places * SLOT
    morning = (times >= NIGHT_ENDS) & (times < MORNING_ENDS) & (silence.last[:, None] < midnights + NIGHT_ENDS)
    rows = np.arange(len(days))[:, None]
    rising = habits.rising[rows, is_weekend(days.astype(np.int64)).astype(np.int64)].astype(np.float64)
    if silence.later is not None:
        rising = rising + silence.later[:, None]
    return np.where(morning, midnights + rising, np.inf)
