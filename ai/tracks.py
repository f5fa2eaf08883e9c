"""What is remembered of each senior between two looks: when each sensor was last heard, and when there was activity.

One structured record a senior, of a fixed size and of the same meaning whatever weights are live. Taking in the same
events again changes nothing, and their order hardly matters: only maxima and bits are kept. So whatever was lost is
had again from the events themselves. Times are local seconds (see features), 0 for never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .features import BED, BIN, DAY, Flags, Seconds

if TYPE_CHECKING:
    from .features import Life

TRACK_FORMAT = 3
SENSORS = 16
BINS = 288
DAYS = 28

# Between two reports of one sensor: a longer pause ends its run. Chatter has no pauses.
PAUSE = 120.0

# The bins of a day by which a slow decline is told: 8 to 21 o'clock, and 23 to 6.
_BIN_HOURS = np.arange(BINS) // 12
IS_DAYTIME = (_BIN_HOURS >= 8) & (_BIN_HOURS < 21)
IS_NIGHT = (_BIN_HOURS >= 23) | (_BIN_HOURS < 6)
_DAYTIME_BITS = np.packbits(IS_DAYTIME, bitorder="little")
_NIGHT_BITS = np.packbits(IS_NIGHT, bitorder="little")
_ONES = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)

TRACK = np.dtype(
    [
        ("key", "<u4", (SENSORS,)),
        ("seen", "<f8", (SENSORS,)),
        ("since", "<f8", (SENSORS,)),
        ("word", "u1", (SENSORS,)),
        ("day", "<i4"),
        ("bins", "u1", (2, BINS // 8)),
        ("daytime", "u1", (DAYS,)),
        ("night", "u1", (DAYS,)),
    ]
)
"""`key`, `seen`, `since`, `word`: the 16 sensors heard last, in no order: key, last time, since when without a pause,
index into ACTIVITY_WORDS. `day`: the local day (since 1970) of the newest activity out of bed. `bins`: the 5-minute
bins with such activity on that day (0) and on the one before (1), as bits. `daytime`, `night`: of the last 28 days, at
a day's number modulo 28: one more than its bins with activity by day and by night, 0 where nothing was heard.
"""

Tracks = NDArray[np.void]


class Heard(NamedTuple):
    """Activity, shape (m,) each: whose (row of the tracks), when (local seconds), sensor's key, index of the word."""

    row: NDArray[np.int64]
    at: Seconds
    sensor: NDArray[np.uint32]
    word: NDArray[np.uint8]


def hear_life(life: Life, row: int) -> Heard:
    """One home's activity as heard of the senior in this row."""
    return Heard(np.full(life.times.size, row, dtype=np.int64), life.times, life.sensors, life.words)


def empty_tracks(n: int) -> Tracks:
    return np.zeros(n, dtype=TRACK)


def take_in(tracks: Tracks, heard: Heard) -> None:
    """Brings the tracks up to date, in place. The same events again, or in other batches, lead to the same tracks.

    An event older than the day before the newest changes no count of days; a sensor of which a run is known keeps its
    beginning when parts of the run come late.
    """
    if not heard.at.size:
        return
    _take_in_sensors(tracks, heard)
    afoot = heard.word != BED
    row, at = heard.row[afoot], heard.at[afoot]
    days = np.floor(at / DAY).astype(np.int64)
    for day in np.unique(days):
        _take_in_day(tracks, int(day), row[days == day], at[days == day])


def rebuild_tracks(n: int, heard: Heard) -> Tracks:
    """The tracks of n seniors from all that was heard: the same as from taking it in little by little."""
    tracks = empty_tracks(n)
    take_in(tracks, heard)
    return tracks


def find_last(tracks: Tracks) -> Seconds:
    """When each senior was last active: shape (n,), local seconds, 0 for never."""
    return np.asarray(tracks["seen"].max(axis=1))


class _Runs(NamedTuple):
    """What a batch says of each of its sensors: shape (g,) each, rows in order."""

    row: NDArray[np.int64]
    key: NDArray[np.uint32]
    first: Seconds
    last: Seconds
    begun: Seconds
    word: NDArray[np.uint8]


def _find_runs(heard: Heard) -> _Runs:
    order = np.lexsort((heard.at, heard.sensor, heard.row))
    row, at, key, word = heard.row[order], heard.at[order], heard.sensor[order], heard.word[order]
    opens = np.r_[True, (row[1:] != row[:-1]) | (key[1:] != key[:-1])]
    begins = opens | np.r_[True, np.diff(at) > PAUSE]
    closes = np.flatnonzero(np.r_[opens[1:], True])
    begun = np.maximum.accumulate(np.where(begins, np.arange(at.size), 0))[closes]
    return _Runs(row[closes], key[closes], at[opens], at[closes], at[begun], word[closes])


def _take_in_sensors(tracks: Tracks, heard: Heard) -> None:
    runs = _find_runs(heard)
    opens = np.flatnonzero(np.r_[True, np.diff(runs.row) != 0])
    rank = np.arange(runs.row.size) - np.repeat(opens, np.diff(np.r_[opens, runs.row.size]))
    for turn in range(int(rank.max()) + 1):
        _note_runs(tracks, _Runs(*(values[rank == turn] for values in runs)))


def _note_runs(tracks: Tracks, runs: _Runs) -> None:
    """At most one run a row."""
    row = runs.row
    seen = tracks["seen"][row]
    same = tracks["key"][row] == runs.key[:, None]
    known = same.any(axis=1)
    slot = np.where(known, same.argmax(axis=1), seen.argmin(axis=1))
    before = seen[np.arange(row.size), slot]
    since = tracks["since"][row, slot]
    goes_on = known & (runs.begun == runs.first) & (runs.first - before <= PAUSE)
    newer = runs.last > before
    row, slot = row[newer], slot[newer]
    tracks["key"][row, slot] = runs.key[newer]
    tracks["seen"][row, slot] = runs.last[newer]
    tracks["since"][row, slot] = np.where(goes_on, np.minimum(since, runs.begun), runs.begun)[newer]
    tracks["word"][row, slot] = runs.word[newer]


def _take_in_day(tracks: Tracks, day: int, row: NDArray[np.int64], at: Seconds) -> None:
    rows = np.unique(row)
    roll_days(tracks, rows, day)
    back = tracks["day"][row] - day
    kept = back <= 1
    row, back = row[kept], back[kept]
    place = ((at[kept] - day * DAY) // BIN).astype(np.int64)
    np.bitwise_or.at(tracks["bins"], (row, back, place >> 3), (1 << (place & 7)).astype(np.uint8))
    rows = np.unique(row)
    back = tracks["day"][rows] - day
    daytime, night = count_bins(tracks["bins"][rows, back])
    tracks["daytime"][rows, day % DAYS] = daytime + 1
    tracks["night"][rows, day % DAYS] = night + 1


def roll_days(tracks: Tracks, rows: NDArray[np.int64], day: int) -> None:
    """Lets `day` be the newest for those of the rows for which it is; days that were passed over are unknown."""
    passed = day - tracks["day"][rows].astype(np.int64)
    rows, passed = rows[passed > 0], passed[passed > 0]
    if not rows.size:
        return
    bins = tracks["bins"][rows]
    tracks["bins"][rows, 1] = np.where(passed[:, None] == 1, bins[:, 0], 0)
    tracks["bins"][rows, 0] = 0
    age = (day - np.arange(DAYS)) % DAYS
    forgotten = age[None, :] < passed[:, None]
    for name in ("daytime", "night"):
        tracks[name][rows] = np.where(forgotten, 0, tracks[name][rows])
    tracks["day"][rows] = day


def count_bins(bins: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """How many bins with activity one day has by day and by night, from its bits: shapes (n, 36) to (n,)."""
    daytime = _ONES[bins & _DAYTIME_BITS].sum(axis=1, dtype=np.uint8)
    night = _ONES[bins & _NIGHT_BITS].sum(axis=1, dtype=np.uint8)
    return daytime, night


def spread_bins(tracks: Tracks, today: NDArray[np.int64]) -> Flags:
    """The bins of the day before `today` and of `today`, oldest first: shape (n, 576)."""
    return np.unpackbits(_join_days(tracks, today), axis=1, bitorder="little").astype(np.bool_)


def count_bins_since(tracks: Tracks, today: NDArray[np.int64], at: Seconds) -> NDArray[np.int64]:
    """How many bins with activity begin after each moment: shape of `at`, (n, k); of two days, counting `today`."""
    both = _join_days(tracks, today)
    counts = _ONES[both]
    after = np.cumsum(counts[:, ::-1], axis=1, dtype=np.int64)[:, ::-1]
    after = np.concatenate([after, np.zeros((len(both), 1), dtype=np.int64)], axis=1)
    place = np.clip(np.floor(at / BIN) - (today[:, None] - 1) * BINS + 1, 0, 2 * BINS).astype(np.int64)
    rows = np.arange(len(both))[:, None]
    byte = np.minimum(place >> 3, both.shape[1] - 1)
    begun = _ONES[both[rows, byte] & (0xFF << (place & 7)).astype(np.uint8)]
    return np.where(place < 2 * BINS, begun + after[rows, byte + 1], 0)


def _join_days(tracks: Tracks, today: NDArray[np.int64]) -> NDArray[np.uint8]:
    age = (today - tracks["day"])[:, None]
    bins = tracks["bins"]
    before = np.where(age == 0, bins[:, 1], np.where(age == 1, bins[:, 0], 0))
    return np.concatenate([before, np.where(age == 0, bins[:, 0], 0)], axis=1).astype(np.uint8)
