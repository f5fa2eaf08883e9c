"""What the AI workers read, by their read-only role: who lives where, what is new, how a home lived.

What is read of a whole shard at each tick comes packed: one value with a record of fixed size a row, since a Python
object for each would cost more than the judgement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from django.db import connections

from .features import ACTIVITY_WORDS, DOOR_WORD, LEAVING_SECONDS, Life, to_local
from .signs import Heard

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

# Events that only somebody's presence makes. The word is followed by a space or by nothing.
IS_ACTIVITY = "split_part(lower(event_content), ' ', 1) = ANY(%s)"
WORDS = list(ACTIVITY_WORDS)
IS_DOOR = f"split_part(lower(event_content), ' ', 1) = '{DOOR_WORD}'"

# Homes silent for longer than the near past are looked up further back, so that a lost state finds the same last event.
NEAR_PAST_HOURS = 48
FAR_PAST_DAYS = 60
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


class LastActivity(NamedTuple):
    """When a home was last active, in epoch seconds, and whether a door was (nearly) the last that was heard."""

    at: float
    out: bool


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
            SELECT hub_id, extract(epoch FROM timestamp)::float8, {IS_DOOR}
            FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[]) AS span (hub, first_at, last_at)
            JOIN sensor_logs ON hub_id = hub AND timestamp BETWEEN first_at AND last_at
            WHERE {IS_ACTIVITY}
            """,  # noqa: S608 - constants of this module
            [hub_ids, first, last, WORDS],
        )
        return make_heard(cursor.fetchall(), roster)


def read_past(roster: Roster) -> Heard:
    """What a lost state is rebuilt from: each hub's last activity, with a door just before it."""
    rows = []
    for start in range(0, roster.hub_ids.size, HUBS_A_QUERY):
        last = read_last_activity(roster.hub_ids[start : start + HUBS_A_QUERY].tolist())
        rows += [(hub_id, activity.at, activity.out) for hub_id, activity in last.items()]
    return make_heard(rows, roster)


def make_heard(rows: Sequence[tuple[int, float, bool]], roster: Roster) -> Heard:
    """From rows of (hub_id, epoch seconds, whether it was a door's)."""
    hub_ids = np.array([row[0] for row in rows], dtype=np.int64)
    at = np.array([row[1] for row in rows], dtype=np.float64)
    return Heard(rows_of(roster, hub_ids), to_local(at), np.array([row[2] for row in rows], dtype=np.bool_))


def rows_of(roster: Roster, hub_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The seniors' rows of hubs that are on the roster."""
    return roster.hub_rows[np.searchsorted(roster.hub_ids, hub_ids)]


def read_last_activity(hub_ids: Iterable[int]) -> dict[int, LastActivity]:
    """The last activity of each hub that has one within 60 days, by hub id."""
    wanted = list(hub_ids)
    found = _read_last(wanted, f"{NEAR_PAST_HOURS} hours")
    silent = [hub_id for hub_id in wanted if hub_id not in found]
    return found | _read_last(silent, f"{FAR_PAST_DAYS} days") if silent else found


def read_life(hub_ids: Iterable[int], days: int) -> Life:
    """All activity of these hubs in the last `days` days."""
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT extract(epoch FROM timestamp)::float8, {IS_DOOR} FROM sensor_logs
            WHERE hub_id = ANY(%s) AND timestamp BETWEEN now() - make_interval(days => %s) AND now() AND {IS_ACTIVITY}
            ORDER BY timestamp
            """,  # noqa: S608 - constants of this module
            [list(hub_ids), days, WORDS],
        )
        rows = cursor.fetchall()
    times = np.array([at for at, _ in rows], dtype=np.float64)
    return Life(to_local(times), np.array([door for _, door in rows], dtype=np.bool_))


def _read_last(hub_ids: list[int], reach: str) -> dict[int, LastActivity]:
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT hub.id, extract(epoch FROM newest.timestamp)::float8, EXISTS (
                SELECT 1 FROM sensor_logs WHERE hub_id = hub.id AND {IS_DOOR}
                AND timestamp BETWEEN newest.timestamp - make_interval(secs => %s) AND newest.timestamp
            )
            FROM unnest(%s::int[]) AS hub (id) CROSS JOIN LATERAL (
                SELECT timestamp FROM sensor_logs
                WHERE hub_id = hub.id AND timestamp > now() - %s::interval AND {IS_ACTIVITY}
                ORDER BY timestamp DESC LIMIT 1
            ) newest
            """,  # noqa: S608 - constants of this module
            [LEAVING_SECONDS, hub_ids, reach, WORDS],
        )
        return {hub_id: LastActivity(at, out) for hub_id, at, out in cursor.fetchall()}
