"""A person's days as a home's sensors see them: a semi-Markov chain of activities, drawn from a seed.

Semi-Markov: each activity lasts by its own distribution, and which one follows depends on the hour, on what is due
(a meal, the toilet) and on the person's habits. Pure: no clock, and a day depends on (seed, date) alone, so any two
ranges of one seed agree where they overlap and history runs on into the present without a seam.
"""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from portal.simulation.habits import (
    BATHROOM,
    BED,
    BEDROOM,
    DOOR,
    FRIDGE,
    KITCHEN,
    LIVING,
    SOFA,
    TELEVISION,
    Habits,
    chance,
    draw_habits,
)
from portal.simulation.recordings import SEOUL, SensorEvent

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

_WORDS = {DOOR: ("door open", "door close"), FRIDGE: ("contact open", "contact close"), BED: ("bed on", "bed off")}
_WORDS |= {SOFA: ("seat on", "seat off"), TELEVISION: ("power on", "power off")}
_MOTION = ("motion on", "motion off")


def days(seed: int, start: date, n: int) -> Iterator[SensorEvent]:
    """The events of `n` local days from `start` on, oldest first, timestamps in Asia/Seoul with milliseconds.

    The same seed gives the same life whatever range is asked for.
    """
    habits = draw_habits(seed)
    first, end = midnight(start), midnight(start + timedelta(days=n))
    for offset in range(-1, n):  # the night before `start` reaches into it
        for event in _live_through(seed, habits, start + timedelta(days=offset)):
            if first <= event.timestamp < end:
                yield event


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SEOUL)


def season(day: date) -> float:
    """-1 in the depth of winter (mid-January), +1 in mid-July."""
    return -math.cos(2 * math.pi * (day.timetuple().tm_yday - 15) / 365.25)


def wake_hour(seed: int, habits: Habits, day: date) -> float:
    """When the person gets up that day: later in winter and on Sundays."""
    draw = chance("wake", seed, day)
    noise = max(-0.55, min(0.55, draw.gauss(0, 0.25)))
    return habits.wakes_at + noise - 0.2 * season(day) + (0.15 if day.weekday() == 6 else 0.0)


def _live_through(seed: int, habits: Habits, day: date) -> Iterator[SensorEvent]:
    """From getting up on `day` to getting up on the next, sorted and without repeats."""
    wake = wake_hour(seed, habits, day)
    next_wake = 24 + wake_hour(seed, habits, day + timedelta(days=1))
    life = _Day(habits, chance("day", seed, day), wake)
    life.be_awake(plan_day(life, day), next_wake - habits.sleeps_for + max(-0.5, min(0.5, life.draw.gauss(0, 0.25))))
    life.sleep_until(next_wake)
    start = midnight(day)
    for seconds, thing, value in sorted(mark for mark in life.marks if wake * 3600 <= mark[0] < next_wake * 3600):
        words = _WORDS.get(thing, _MOTION)
        at = start + timedelta(seconds=seconds)
        yield SensorEvent(at, habits.sensors[thing], words[0] if value else words[1], value)


class Due(NamedTuple):
    """Something that is done once a day, at the first free moment from `hour` on."""

    hour: float
    activity: str


def plan_day(life: _Day, day: date) -> list[Due]:
    """Meals, outing, visitor and nap of one day, by hour."""
    habits, draw = life.habits, life.draw
    plan = [
        Due(life.hour + draw.uniform(0.0, 0.15), "wash"),
        Due(life.hour + draw.uniform(0.4, 1.0), "meal"),
        Due(habits.lunch_at + draw.gauss(0, 0.25), "meal"),
        Due(habits.dinner_at + draw.gauss(0, 0.3), "meal"),
    ]
    harsh = 0.35 * abs(season(day)) ** 3  # bitter cold and sweltering heat keep people in
    if day.weekday() == habits.busy_weekday or draw.random() < habits.goes_out * (1 - harsh):
        plan.append(Due(habits.outing_at + draw.gauss(0, 0.4), "outing"))
    if day.weekday() == habits.visitor_weekday and draw.random() < habits.visited:
        plan.append(Due(draw.uniform(10.5, 16.5), "visitor"))
    if draw.random() < habits.naps:
        plan.append(Due(draw.gauss(13.8, 0.4), "nap"))
    return sorted(plan)


class _Day:
    """One day under way: `hour` is where it stands (local, beyond 24 after midnight), `marks` what sensors saw."""

    def __init__(self, habits: Habits, draw: random.Random, wake: float) -> None:
        self.habits, self.draw, self.hour = habits, draw, wake
        self.marks: set[tuple[float, str, bool]] = set()
        self._next_toilet = wake + 0.05
        self._shows_until: dict[str, float] = {}

    def be_awake(self, plan: list[Due], bedtime: float) -> None:
        while self.hour < bedtime:
            if self.hour >= self._next_toilet:
                self._use_toilet()
            elif plan and plan[0].hour <= self.hour:
                self._do(plan.pop(0).activity)
            else:
                until = min([bedtime, *(due.hour for due in plan[:1])])
                self._spend_time(min(self._draw_leisure(), max(0.05, until - self.hour)))

    def sleep_until(self, wake: float) -> None:
        """Wash, bed, and a night with a few trips to the toilet."""
        self._stay(BATHROOM, self.draw.uniform(0.1, 0.25), self.habits.motion_every / 2)
        self._stay(BEDROOM, self.draw.uniform(0.1, 0.3), self.habits.motion_every)
        trips = sorted(self.draw.uniform(self.hour + 0.7, wake - 0.7) for _ in range(self._draw_trips()))
        for trip in trips:
            if trip - self.hour > 0.6:
                self._lie(trip)
                self._stay(BEDROOM, 0.02, 1)
                self._use_toilet()
                self._stay(BEDROOM, 0.03, 1)
        self._lie(wake)

    def _draw_trips(self) -> int:
        """Poisson, by Knuth's product of uniforms."""
        count, product, limit = 0, self.draw.random(), math.exp(-self.habits.night_trips)
        while product > limit:
            count, product = count + 1, product * self.draw.random()
        return count

    def _do(self, activity: str) -> None:
        match activity:
            case "wash":
                self._stay(BATHROOM, self._last(0.25), self.habits.motion_every / 2)
            case "meal":
                self._eat()
            case "outing":
                self._go_out(min(2.6, self._last(self.habits.outing_lasts)))
            case "visitor":
                self._receive_visitor()
            case "nap":
                self._stay(BEDROOM, 0.05, 2)
                self._lie(self.hour + min(1.5, self._last(0.7)))

    def _eat(self) -> None:
        begin = self.hour
        self._stay(KITCHEN, self._last(0.5), self.habits.motion_every / 2)
        count, cooked = self.draw.randint(1, 4), self.hour - begin
        for turn in range(count):
            self._open(FRIDGE, begin + cooked * (turn + self.draw.uniform(0, 0.8)) / count, self.draw.uniform(4, 25))
        self._stay(KITCHEN, self._last(0.35), self.habits.motion_every)

    def _go_out(self, hours: float) -> None:
        self._stay(LIVING, 0.1, 1.5)
        self._open(DOOR, self.hour, self.draw.uniform(4, 12))
        self.hour += hours
        self._open(DOOR, self.hour, self.draw.uniform(4, 15))
        self.hour += 0.01
        self._stay(LIVING, 0.15, 2)

    def _receive_visitor(self) -> None:
        hours = min(2.5, self._last(0.9))
        self._open(DOOR, self.hour, self.draw.uniform(6, 25))
        self.hour += 0.01
        self._stay(LIVING, hours, self.habits.motion_every / 2.5)
        self._open(DOOR, self.hour, self.draw.uniform(6, 25))
        self.hour += 0.01

    def _use_toilet(self) -> None:
        self._stay(BATHROOM, self.draw.uniform(0.05, 0.14), 1.5)
        self._next_toilet = self.hour + self.habits.toilet_every * self.draw.uniform(0.6, 1.4)

    def _spend_time(self, hours: float) -> None:
        """Free time: television, tidying, resting, the kitchen; the evening belongs to television."""
        evening = 1.5 if self.hour >= 19 else 1.0
        kind = self.draw.random()
        if kind < self.habits.television * evening:
            self._watch_television(hours)
        elif kind < 0.75:
            self._stay(self.draw.choice((LIVING, KITCHEN, BEDROOM)), hours, self.habits.motion_every)
        elif kind < 0.9:
            self._stay(LIVING, hours, self.habits.motion_every * 2)
        else:
            self._stay(KITCHEN, min(hours, 0.2), self.habits.motion_every / 2)

    def _watch_television(self, hours: float) -> None:
        self._span(TELEVISION, self.hour, self.hour + hours)
        self._span(SOFA, self.hour + 0.01, self.hour + hours)
        self._stay(LIVING, hours, self.habits.motion_every * 2.5)

    def _draw_leisure(self) -> float:
        return min(2.5, self._last(0.6))

    def _last(self, hours: float) -> float:
        """A log-normal duration around `hours`: mostly near it, now and then much longer."""
        return hours * math.exp(self.draw.gauss(0, 0.35))

    def _lie(self, until: float) -> None:
        self._span(BED, self.hour + 0.01, until - 0.005)
        self.hour = max(self.hour, until)

    def _stay(self, room: str, hours: float, every_minutes: float) -> None:
        """Motion in `room` for `hours`: at once on entering, then at random, never while the last one still shows."""
        end = self.hour + hours
        at = max(self.hour, self._shows_until.get(room, 0.0))
        while at < end:
            shows = self.draw.uniform(4, 20) / 3600
            self._mark(room, at, True)
            self._mark(room, at + shows, False)
            self._shows_until[room] = at + shows + 5 / 3600
            at = self._shows_until[room] + self.draw.expovariate(60 / every_minutes)
        self.hour = end

    def _open(self, thing: str, at: float, seconds: float) -> None:
        self._span(thing, at, at + seconds / 3600)

    def _span(self, thing: str, begin: float, end: float) -> None:
        if end > begin:
            self._mark(thing, begin, True)
            self._mark(thing, end, False)

    def _mark(self, thing: str, hour: float, value: bool) -> None:
        if thing in self.habits.sensors:
            self.marks.add((round(hour * 3600, 3), thing, value))
