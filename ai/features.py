"""What is measured of a home's events: how long it stayed silent on which day, at which time, after what.

Times are seconds of the wall clock in Asia/Seoul, counted as if that clock were UTC, so `t % DAY` is the time of day.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Seconds = NDArray[np.float64]
Flags = NDArray[np.bool_]

HOUR = 3600.0
DAY = 86_400.0

# The day is cut into half-hours: finer, and a fortnight has too few silences in each.
SLOT = 1800.0
SLOTS = 48

# Korea has had no summer time since 1988, and no home has events from before.
SEOUL_OFFSET = 9 * HOUR

# A longer gap is an absence (or a dead hub), from which nothing is learned about a person who is at home.
LONGEST_GAP = DAY

# Silences shorter than this are everybody's everyday and teach nothing about the rare ones.
SHORTEST_SILENCE = 300.0

# Who opened a door and gave no other sign for a minute has probably gone out.
LEAVING_SECONDS = 60.0
DOOR_WORD = "door"

# Signs of a sensor in these many bins of 5 minutes are somebody at one place; so many empty ones end it.
BIN = 300.0
DWELLING_BINS = 4
DWELLING_PAUSE = 18

# The night ends at five; whoever has not stirred by two in the afternoon is judged as any other silence is.
NIGHT_ENDS = 5 * HOUR
MORNING_ENDS = 14 * HOUR

# First words of `event_content` that say somebody moved. A panic button or a gas sensor says other things.
ACTIVITY_WORDS = ("motion", "door", "bed", "seat", "toilet", "contact", "item", "light", "power")
DOOR = ACTIVITY_WORDS.index(DOOR_WORD)
BED = ACTIVITY_WORDS.index("bed")
_WORD_NUMBERS = {word: number for number, word in enumerate(ACTIVITY_WORDS)}


def to_local(epoch_seconds: Seconds) -> Seconds:
    """Seconds of the wall clock in Asia/Seoul from seconds since the epoch."""
    return epoch_seconds + SEOUL_OFFSET


def to_epoch(local_seconds: Seconds) -> Seconds:
    """The inverse of `to_local`."""
    return local_seconds - SEOUL_OFFSET


def count_days(times: Seconds) -> int:
    """On how many calendar days there was any event."""
    return int(np.unique(np.floor(times / DAY)).size)


class Life(NamedTuple):
    """A home's activity, oldest first: local seconds, keys of the sensors, indices into ACTIVITY_WORDS."""

    times: Seconds
    sensors: NDArray[np.uint32]
    words: NDArray[np.uint8]

    def choose(self, chosen: Flags) -> Life:
        return Life(self.times[chosen], self.sensors[chosen], self.words[chosen])


class SensorSign(Protocol):
    """An event as recordings have it: `t` local seconds, `content` begins with a word of ACTIVITY_WORDS or another."""

    @property
    def t(self) -> float: ...
    @property
    def sensor_id(self) -> str: ...
    @property
    def content(self) -> str: ...


def sensor_key(sensor_id: str) -> int:
    """A number of 24 bits, which a float32 holds exactly; never 0."""
    return zlib.crc32(sensor_id.encode()) & 0xFFFFFF or 1


def find_word(content: str) -> int | None:
    """The index into ACTIVITY_WORDS of an event's first word, None for what says nothing of anybody's presence."""
    return _WORD_NUMBERS.get(content.split(" ", 1)[0].lower())


def read_events(events: Sequence[SensorSign]) -> Life:
    """The activity among events that are in order; what says something else is left out."""
    words = [find_word(event.content) for event in events]
    signs = [
        (event.t, sensor_key(event.sensor_id), word)
        for event, word in zip(events, words, strict=True)
        if word is not None
    ]
    times, sensors, numbers = zip(*signs, strict=True) if signs else ((), (), ())
    return Life(np.array(times, dtype=np.float64), np.array(sensors, np.uint32), np.array(numbers, np.uint8))


class Silences(NamedTuple):
    """Spans without activity in local seconds; `out` where a door was the last, or nearly the last, that was heard.

    `places` are the keys of the sensors heard last.
    """

    starts: Seconds
    ends: Seconds
    out: Flags
    places: NDArray[np.uint32]

    def choose(self, chosen: Flags) -> Silences:
        return Silences(self.starts[chosen], self.ends[chosen], self.out[chosen], self.places[chosen])


class Dwellings(NamedTuple):
    """Spans in which one sensor alone was heard, again and again: from the bin of its first sign to its last sign."""

    starts: Seconds
    ends: Seconds


def find_leavings(life: Life) -> Flags:
    """After which of the events the person has probably gone out: a door's, and what follows it within a minute."""
    heard = np.maximum.accumulate(np.where(life.words == DOOR, life.times, -np.inf))
    return life.times - heard <= LEAVING_SECONDS


def list_silences(life: Life) -> Silences:
    """Every silence between two events that is neither an everyday one nor an absence."""
    if not life.times.size:
        return Silences(life.times, life.times, life.times > 0, life.sensors)
    out = find_leavings(life)
    spans = np.diff(life.times)
    chosen = (spans >= SHORTEST_SILENCE) & (spans <= LONGEST_GAP)
    return Silences(life.times[:-1], life.times[1:], out[:-1], life.sensors[:-1]).choose(chosen)


def list_dwellings(life: Life) -> Dwellings:
    """Where one sensor was heard in at least 4 bins without any other, and never paused for more than 90 minutes.

    Not at a door, where nobody stays, and not in bed.
    """
    bins = np.floor(life.times / BIN)
    if not bins.size:
        return Dwellings(life.times, life.times)
    begins = np.r_[True, (np.diff(life.sensors) != 0) | (np.diff(bins) > DWELLING_PAUSE)]
    begin = np.flatnonzero(begins)
    end = np.r_[begin[1:] - 1, bins.size - 1]
    filled = np.cumsum(np.r_[True, np.diff(bins) > 0])
    chosen = filled[end] - filled[begin] + 1 >= DWELLING_BINS
    chosen &= ~np.isin(life.words[begin], (DOOR, BED)) & (life.times[end] - life.times[begin] <= LONGEST_GAP)
    return Dwellings(bins[begin][chosen] * BIN, life.times[end][chosen])


def measure_days(silences: Silences | Dwellings, first_day: int, days: int) -> NDArray[np.float64]:
    """The longest silence of each day in each half-hour, in two views: shape (2, days, 48), seconds, 0 for none.

    View 0 goes by the present: how long a silence had lasted when it left the half-hour. View 1 goes by the beginning:
    how much longer it lasted from the half-hour on. A silence belongs to the day on which it began.
    """
    longest = np.zeros((2, days, SLOTS))
    if not silences.starts.size:
        return longest
    first = np.floor(silences.starts / SLOT)
    counts = (np.floor(silences.ends / SLOT) - first + 1).astype(np.int64)
    of = np.repeat(np.arange(counts.size), counts)
    slots = first[of] + np.arange(of.size) - np.repeat(np.cumsum(counts) - counts, counts)
    starts, ends = silences.starts[of], silences.ends[of]
    # the first bin of a dwelling may lie before the first sign of all, at the end of the day before
    day = np.clip(np.floor(starts / DAY).astype(np.int64) - first_day, 0, days - 1)
    place = (day, (slots % SLOTS).astype(np.int64))
    np.maximum.at(longest[0], place, np.minimum(ends, (slots + 1) * SLOT) - starts)
    np.maximum.at(longest[1], place, ends - np.maximum(starts, slots * SLOT))
    return longest


def find_risings(times: Seconds, first_day: int, days: int) -> Seconds:
    """Per day the time of day of the first activity between 5:00 and 14:00, NaN where there was none: shape (days,)."""
    midnights = (first_day + np.arange(days)) * DAY
    first = np.searchsorted(times, midnights + NIGHT_ENDS)
    risen = np.append(times, np.inf)[first] - midnights
    return np.where(risen < MORNING_ENDS, risen, np.nan)
