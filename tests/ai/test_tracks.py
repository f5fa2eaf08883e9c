"""What is remembered of a senior is the same however often and in whatever portions it was heard."""

from __future__ import annotations

import numpy as np
import pytest

from ai.features import ACTIVITY_WORDS, BED, DAY, HOUR, sensor_key
from ai.tracks import (
    PAUSE,
    SENSORS,
    Heard,
    Tracks,
    count_bins_since,
    empty_tracks,
    find_last,
    rebuild_tracks,
    spread_bins,
    take_in,
)

from .homes import MONDAY

MOTION = ACTIVITY_WORDS.index("motion")


def hear(count: int, *, seniors: int = 3, sensors: int = 5, seed: int = 7) -> Heard:
    """`count` signs within three days, oldest first."""
    random = np.random.default_rng(seed)
    keys = np.array([sensor_key(f"방 {number}") for number in range(sensors)], dtype=np.uint32)
    return Heard(
        random.integers(0, seniors, count),
        MONDAY + np.sort(random.uniform(0, 3 * DAY, count)),
        random.choice(keys, count),
        np.full(count, MOTION, dtype=np.uint8),
    )


def choose(heard: Heard, chosen: np.ndarray) -> Heard:
    return Heard(*(values[chosen] for values in heard))


def in_order(tracks: Tracks) -> Tracks:
    """The same with the sensors sorted: their order says nothing."""
    tidy = tracks.copy()
    for row, order in enumerate(np.argsort(tracks["seen"], axis=1, kind="stable")):
        for name in ("key", "seen", "since", "word"):
            tidy[name][row] = tracks[name][row][order]
    return tidy


@pytest.mark.parametrize("sensors", [5, 40])
def test_little_by_little_and_all_at_once_are_the_same(sensors: int) -> None:
    heard = hear(3000, sensors=sensors)
    little = empty_tracks(3)
    for portion in np.array_split(np.arange(3000), 400):
        take_in(little, choose(heard, portion))
    assert (in_order(little) == in_order(rebuild_tracks(3, heard))).all()


def test_what_was_heard_before_changes_nothing() -> None:
    heard = hear(2000)
    tracks = rebuild_tracks(3, heard)
    again = tracks.copy()
    take_in(again, choose(heard, np.arange(1500, 2000)))
    assert (again == tracks).all()


def test_the_sensors_heard_last_are_kept() -> None:
    heard = hear(4000, seniors=1, sensors=SENSORS + 20)
    (track,) = rebuild_tracks(1, heard)
    last = {int(key): float(heard.at[heard.sensor == key].max()) for key in np.unique(heard.sensor)}
    newest = sorted(last, key=lambda key: -last[key])[:SENSORS]
    assert {int(key): float(at) for key, at in zip(track["key"], track["seen"], strict=True)} == {
        key: last[key] for key in newest
    }
    assert find_last(rebuild_tracks(1, heard))[0] == heard.at.max()


def test_a_run_begins_after_a_pause() -> None:
    at = MONDAY + np.array([0.0, 60, 120, 120 + 2 * PAUSE, 120 + 2.5 * PAUSE])
    heard = Heard(np.zeros(5, np.int64), at, np.full(5, 9, np.uint32), np.zeros(5, np.uint8))
    (track,) = rebuild_tracks(1, heard)
    assert track["since"].max() == at[3]


def test_a_day_counts_its_bins_and_a_bed_counts_for_none() -> None:
    at = MONDAY + HOUR * np.array([3.0, 3.01, 9.0, 9.5, 21.5, 33.0])
    word = np.array([MOTION, MOTION, MOTION, MOTION, BED, MOTION], dtype=np.uint8)
    tracks = rebuild_tracks(1, Heard(np.zeros(6, np.int64), at, np.full(6, 9, np.uint32), word))
    monday = int(MONDAY // DAY)
    assert tracks["day"][0] == monday + 1
    assert tracks["daytime"][0, monday % 28] == 1 + 2
    assert tracks["night"][0, monday % 28] == 1 + 1
    assert tracks["daytime"][0, (monday + 2) % 28] == 0


def test_bins_are_counted_from_the_one_after_a_moment() -> None:
    tracks = rebuild_tracks(3, hear(300))
    today = tracks["day"].astype(np.int64)
    spread = spread_bins(tracks, today)
    for hours in (0.0, 7.3, 24.0, 47.99, 80.0):
        at = np.asarray((today[:, None] - 1) * DAY + hours * HOUR, dtype=np.float64)
        begun = int(hours * 12) + 1
        assert (count_bins_since(tracks, today, at)[:, 0] == spread[:, begun:].sum(axis=1)).all()
