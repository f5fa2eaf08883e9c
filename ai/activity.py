"""What the AI workers read, by their read-only role: who lives where, when they last moved, what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from django.db import connections

from .features import ACTIVITY_WORDS, Seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

# Events that only somebody's presence makes. The word is followed by a space or by nothing.
IS_ACTIVITY = "split_part(lower(event_content), ' ', 1) = ANY(%s)"
WORDS = list(ACTIVITY_WORDS)

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


class Fresh(NamedTuple):
    """What new batches of a hub brought, in epoch seconds: the newest activity, and when the last late batch came."""

    active_at: float | None
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
    """What batches brought that were written by transactions from `since_txid` on, by hub id.

    Batches of transactions that are still below the horizon come again next time. That is harmless, since only the
    newest time is kept, and no batch waits for a long transaction of somebody else.
    """
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT batch.hub_id, extract(epoch FROM max(newest.timestamp))::float8,
                   extract(epoch FROM max(received_at) FILTER (WHERE received_at - last_at > %s::interval))::float8
            FROM ingest_batches batch LEFT JOIN LATERAL (
                SELECT timestamp FROM sensor_logs
                WHERE hub_id = batch.hub_id AND timestamp BETWEEN batch.first_at AND batch.last_at AND {IS_ACTIVITY}
                ORDER BY timestamp DESC LIMIT 1
            ) newest ON true
            WHERE batch.txid >= %s GROUP BY batch.hub_id
            """,  # noqa: S608 - a constant of this module
            [LATE, WORDS, since_txid],
        )
        return {hub_id: Fresh(active_at, late_at) for hub_id, active_at, late_at in cursor.fetchall()}


def read_last_activity(hub_ids: Iterable[int]) -> dict[int, float]:
    """The last activity of each hub that has one within 60 days: hub id to epoch seconds."""
    wanted = list(hub_ids)
    found = _read_last(wanted, f"{NEAR_PAST_HOURS} hours")
    silent = [hub_id for hub_id in wanted if hub_id not in found]
    return found | _read_last(silent, f"{FAR_PAST_DAYS} days") if silent else found


def read_activity_times(hub_ids: Iterable[int], days: int) -> Seconds:
    """Ascending epoch seconds of all activity of these hubs in the last `days` days."""
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT extract(epoch FROM timestamp)::float8 FROM sensor_logs
            WHERE hub_id = ANY(%s) AND timestamp BETWEEN now() - make_interval(days => %s) AND now() AND {IS_ACTIVITY}
            ORDER BY timestamp
            """,  # noqa: S608 - a constant of this module
            [list(hub_ids), days, WORDS],
        )
        return np.array([row[0] for row in cursor.fetchall()], dtype=np.float64)


def _read_last(hub_ids: list[int], reach: str) -> dict[int, float]:
    with connections["timeseries"].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT hub.id, extract(epoch FROM newest.timestamp)::float8
            FROM unnest(%s::int[]) AS hub (id) CROSS JOIN LATERAL (
                SELECT timestamp FROM sensor_logs
                WHERE hub_id = hub.id AND timestamp > now() - %s::interval AND {IS_ACTIVITY}
                ORDER BY timestamp DESC LIMIT 1
            ) newest
            """,  # noqa: S608 - a constant of this module
            [hub_ids, reach, WORDS],
        )
        return dict(cursor.fetchall())
