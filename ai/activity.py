"""What the AI workers read, by their read-only role: who lives where, what is new, how a home lived.

What is read of a whole shard at each tick comes packed: one value with a record of fixed size a row, since a Python
object for each would cost more than the judgement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from django.db import connections

from .features import ACTIVITY_WORDS, Life, find_word, sensor_key, to_local
from .tracks import Heard, Tracks, rebuild_tracks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

# Events that only somebody's presence makes. The word is followed by a space or by nothing.
IS_ACTIVITY = "split_part(lower(event_content), ' ', 1) = ANY(%s)"
WORDS = list(ACTIVITY_WORDS)
SIGN_COLUMNS = "extract(epoch FROM timestamp)::float8, sensor_id, event_content"
Sign = tuple[int, float, str, str]

# Homes silent for longer than the near past are looked up further back, so that a lost state finds the same last event.
NEAR_PAST_HOURS = 48
FAR_PAST_DAYS = 60
# Of those, this much before their last event: who opened a door then has gone out.
FAR_PAST_SECONDS = 3600.0
HUBS_A_QUERY = 2000

# A batch whose newest event is older than this on arrival comes from a hub's buffer.
LATE_SECONDS = 120.0

# Of the hub that is registered now.
HUB_STATES = ("none", "never_seen", "offline", "online")
NO_HUB, ONLINE = 0, 3
HUB_RECORD = np.dtype([("senior_id", ">i4"), ("hub_id", ">i4"), ("state", ">i2")])


class Roster(NamedTuple):
    """The seniors of a shard in order, shape (n,), with the state of their hub as an index into HUB_STATES; all hubs
    ever theirs in order, shape (m,), with the senior's row."""

    senior_ids: NDArray[np.int64]
    hub_states: NDArray[np.int64]
    hub_ids: NDArray[np.int64]
    hub_rows: NDArray[np.int64]


class Batch(NamedTuple):
    """A commit's events of one hub: their span, when they came (epoch seconds), how old the newest was then."""

    hub_id: int
    first_at: datetime
    last_at: datetime
    received_at: float
    age: float


class News(NamedTuple):
    """What came since the last look: activity, and which rows' hubs sent late batches that arrived when."""

    heard: Heard
    late_rows: NDArray[np.int64]
    late_at: NDArray[np.float64]


class Horizon(NamedTuple):
    """`now`: the database's clock in seconds since the epoch. Every transaction below `txid` has ended."""

    now: float
    txid: int


def read_horizon() -> Horizon:
    """To be read before the batches: what has ended by now is seen by every later statement."""
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM now())::float8, pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        )
        now, txid = cursor.fetchone()
        return Horizon(now, txid)


def read_roster(shard: int, shards: int) -> Roster:
    """Every senior of the shard, with all hubs ever theirs."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(int4send(senior_id), ''::bytea) FROM seniors WHERE mod(senior_id, %s) = %s",
            [shards, shard],
        )
        seniors = np.frombuffer(cursor.fetchone()[0] or b"", ">i4")
        cursor.execute(
            """
            SELECT string_agg(int4send(senior_id) || int4send(hub_id) || int2send((CASE
                WHEN deregistered_at IS NOT NULL THEN 0 WHEN status = 'online' THEN 3
                WHEN status = 'offline' THEN 2 ELSE 1 END)::smallint), ''::bytea)
            FROM iot_hubs WHERE mod(senior_id, %s) = %s
            """,
            [shards, shard],
        )
        hubs = np.frombuffer(cursor.fetchone()[0] or b"", HUB_RECORD)
    senior_ids = np.sort(seniors.astype(np.int64))
    hubs = hubs[np.isin(hubs["senior_id"], senior_ids)]
    hubs = hubs[np.argsort(hubs["hub_id"], kind="stable")]
    rows = np.searchsorted(senior_ids, hubs["senior_id"].astype(np.int64))
    states = np.zeros(senior_ids.size, dtype=np.int64)
    np.maximum.at(states, rows, hubs["state"].astype(np.int64))
    return Roster(senior_ids, states, hubs["hub_id"].astype(np.int64), rows)


def read_batches(since_txid: int) -> list[Batch]:
    """What transactions from `since_txid` on brought.

    Batches of transactions that are still below the horizon come again next time. That is harmless, since the same
    activity twice is the same, and no batch waits for a long transaction of somebody else.
    """
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            """
            SELECT hub_id, first_at, last_at, extract(epoch FROM received_at)::float8,
                   extract(epoch FROM received_at - last_at)::float8
            FROM ingest_batches WHERE txid >= %s
            """,
            [since_txid],
        )
        return [Batch(*row) for row in cursor.fetchall()]


def read_news(batches: Sequence[Batch], roster: Roster) -> News:
    """What these batches say of the homes on the roster."""
    hub_ids = np.array([batch.hub_id for batch in batches], dtype=np.int64)
    ours = np.flatnonzero(np.isin(hub_ids, roster.hub_ids)).tolist()
    late = [place for place in ours if batches[place].age > LATE_SECONDS]
    heard = read_spans([batches[place] for place in ours], roster)
    late_at = np.array([batches[place].received_at for place in late], dtype=np.float64)
    return News(heard, rows_of(roster, hub_ids[late]), late_at)


def read_spans(batches: Sequence[Batch], roster: Roster) -> Heard:
    """The activity of hubs in the spans of their batches."""
    if not batches:
        return make_heard([], roster)
    hub_ids, first, last, _, _ = (list(values) for values in zip(*batches, strict=True))
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT hub_id, {SIGN_COLUMNS}
            FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[]) AS span (hub, first_at, last_at)
            JOIN sensor_logs ON hub_id = hub AND timestamp BETWEEN first_at AND last_at
            WHERE {IS_ACTIVITY}
            """,  # noqa: S608 - constants of this module
            [hub_ids, first, last, WORDS],
        )
        return make_heard(cursor.fetchall(), roster)


def read_past(roster: Roster) -> Heard:
    """What a lost state is rebuilt from: the activity of the near past, and of who was silent, just before it."""
    hub_ids = roster.hub_ids.tolist()
    chunks = [hub_ids[start : start + HUBS_A_QUERY] for start in range(0, len(hub_ids), HUBS_A_QUERY)]
    return make_heard([sign for chunk in chunks for sign in read_recent_signs(chunk)], roster)


def make_heard(signs: Sequence[Sign], roster: Roster) -> Heard:
    """From rows of (hub_id, epoch seconds, sensor_id, event_content)."""
    hub_ids, at, sensors, contents = zip(*signs, strict=True) if signs else ((), (), (), ())
    return Heard(
        rows_of(roster, np.array(hub_ids, dtype=np.int64)),
        to_local(np.array(at, dtype=np.float64)),
        np.array([sensor_key(sensor_id) for sensor_id in sensors], dtype=np.uint32),
        np.array([find_word(content) or 0 for content in contents], dtype=np.uint8),
    )


def read_tracks(hub_ids: Sequence[int]) -> Tracks:
    """The tracks of one senior, shape (1,), by all hubs ever theirs."""
    ordered = np.sort(np.array(hub_ids, dtype=np.int64))
    nobody = np.zeros(1, dtype=np.int64)
    roster = Roster(nobody, nobody, ordered, np.zeros(ordered.size, dtype=np.int64))
    return rebuild_tracks(1, read_past(roster))


def rows_of(roster: Roster, hub_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The seniors' rows of hubs that are on the roster."""
    return roster.hub_rows[np.searchsorted(roster.hub_ids, hub_ids)]


def read_recent_signs(hub_ids: Sequence[int]) -> list[Sign]:
    """The activity of the last 48 hours; of hubs without any, what lies within an hour before their last."""
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT hub_id, {SIGN_COLUMNS} FROM sensor_logs
            WHERE hub_id = ANY(%s) AND timestamp > now() - make_interval(hours => %s) AND {IS_ACTIVITY}
            """,  # noqa: S608 - constants of this module
            [list(hub_ids), NEAR_PAST_HOURS, WORDS],
        )
        signs: list[Sign] = cursor.fetchall()
        heard = {sign[0] for sign in signs}
        cursor.execute(
            f"""
            SELECT hub.id, {SIGN_COLUMNS}
            FROM unnest(%s::int[]) AS hub (id) CROSS JOIN LATERAL (
                SELECT timestamp AS at FROM sensor_logs
                WHERE hub_id = hub.id AND timestamp > now() - make_interval(days => %s) AND {IS_ACTIVITY}
                ORDER BY timestamp DESC LIMIT 1
            ) newest JOIN sensor_logs ON hub_id = hub.id
                AND timestamp BETWEEN newest.at - make_interval(secs => %s) AND newest.at
            WHERE {IS_ACTIVITY}
            """,  # noqa: S608 - constants of this module
            [[hub_id for hub_id in hub_ids if hub_id not in heard], FAR_PAST_DAYS, WORDS, FAR_PAST_SECONDS, WORDS],
        )
        signs += cursor.fetchall()
        return signs


def read_life(hub_ids: Iterable[int], days: int) -> Life:
    """All activity of these hubs in the last `days` days."""
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {SIGN_COLUMNS} FROM sensor_logs
            WHERE hub_id = ANY(%s) AND timestamp BETWEEN now() - make_interval(days => %s) AND now() AND {IS_ACTIVITY}
            ORDER BY timestamp
            """,  # noqa: S608 - constants of this module
            [list(hub_ids), days, WORDS],
        )
        rows = cursor.fetchall()
    at, sensors, contents = zip(*rows, strict=True) if rows else ((), (), ())
    keys = {sensor_id: sensor_key(sensor_id) for sensor_id in set(sensors)}
    words = {content: find_word(content) or 0 for content in set(contents)}
    return Life(
        to_local(np.array(at, dtype=np.float64)),
        np.array([keys[sensor_id] for sensor_id in sensors], dtype=np.uint32),
        np.array([words[content] for content in contents], dtype=np.uint8),
    )
