"""What the AI workers read, by their read-only role: who lives where, when they last moved, what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from django.db import connections

from .features import ACTIVITY_WORDS, DOOR_WORD, LEAVING_SECONDS, Life, to_local

if TYPE_CHECKING:
    from collections.abc import Iterable

# Events that only somebody's presence makes. The word is followed by a space or by nothing.
IS_ACTIVITY = "split_part(lower(event_content), ' ', 1) = ANY(%s)"
WORDS = list(ACTIVITY_WORDS)
IS_DOOR = f"split_part(lower(event_content), ' ', 1) = '{DOOR_WORD}'"

# Homes silent for longer than the near past are looked up further back, so that a lost state finds the same last event.
NEAR_PAST_HOURS = 48
FAR_PAST_DAYS = 60

# A batch whose newest event is older than this on arrival comes from a hub's buffer.
LATE = "2 minutes"


class Home(NamedTuple):
    """A senior's equipment. `hub_status` is of the hub registered now, None when there is none."""

    senior_id: int
    hub_ids: tuple[int, ...]
    hub_status: str | None


class LastActivity(NamedTuple):
    """When a home was last active, in epoch seconds, and whether a door was (nearly) the last that was heard."""

    at: float
    out: bool


class Fresh(NamedTuple):
    """Of a hub with new batches: its newest activity, and when the last late batch came, in epoch seconds."""

    active: LastActivity | None
    late_at: float | None


class Horizon(NamedTuple):
    """`now`: the database's clock in seconds since the epoch. Every transaction below `txid` has ended."""

    now: float
    txid: int


def read_homes(shard: int, shards: int) -> list[Home]:
    """Every senior of the shard, with all hubs ever theirs."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            """
            SELECT senior_id, coalesce(array_agg(hub_id) FILTER (WHERE hub_id IS NOT NULL), '{}'),
                   max(status) FILTER (WHERE hub_id IS NOT NULL AND deregistered_at IS NULL)
            FROM seniors LEFT JOIN iot_hubs USING (senior_id)
            WHERE mod(senior_id, %s) = %s GROUP BY senior_id ORDER BY senior_id
            """,
            [shards, shard],
        )
        return [Home(senior_id, tuple(hub_ids), status) for senior_id, hub_ids, status in cursor.fetchall()]


def read_horizon() -> Horizon:
    """To be read before the batches: what has ended by now is seen by every later statement."""
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM now())::float8, pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        )
        now, txid = cursor.fetchone()
        return Horizon(now, txid)


def read_new_activity(since_txid: int) -> dict[int, Fresh]:
    """The newest activity of hubs with batches written by transactions from `since_txid` on, by hub id.

    Batches of transactions that are still below the horizon come again next time. That is harmless, since the newest
    activity is looked up as it is, and no batch waits for a long transaction of somebody else.
    """
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            """
            SELECT hub_id,
                   extract(epoch FROM max(received_at) FILTER (WHERE received_at - last_at > %s::interval))::float8
            FROM ingest_batches WHERE txid >= %s GROUP BY hub_id
            """,
            [LATE, since_txid],
        )
        late = dict(cursor.fetchall())
    active = read_last_activity(late) if late else {}
    return {hub_id: Fresh(active.get(hub_id), late_at) for hub_id, late_at in late.items()}


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
