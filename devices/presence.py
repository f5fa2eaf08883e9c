"""Who is online, judged by the database's clock alone.

Online means a live socket with heartbeats. `silent_at` is when a hub goes offline if nothing comes before: 3 heartbeat
intervals after its last heartbeat while it has a socket and after that ended, 90 s after a POST made without one.
A socket whose hub has gone silent counts as ended, so the row of a crashed process holds nobody back.

Most heartbeats say nothing new: a web process gathers those and writes them with one statement (`mark_heartbeats`).
"""

from __future__ import annotations

import time
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Greatest, Now

from . import faults, hints
from .models import Fault, IoTHub
from .signals import hub_went_offline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

MISSED_INTERVALS = 3
POST_LASTS_S = 90
POST_REPEATS_S = 5.0
POST_HOLDS_S = 60.0
LEAST_GRACE_S = 30.0
MOST_GRACE_S = 75.0  # hubs that found nobody for long try again each 60 s
JUDGED_FOR_S = 300.0
SWEEP_MAX = 200
MAX_SKEW_S = 2**31 - 1

ONLINE = IoTHub.Status.ONLINE
# rows that another transaction holds are left out: their next heartbeat is written by itself
MARK_HEARTBEATS = """
    WITH beats AS (
        SELECT * FROM unnest(%s::int[], %s::text[], %s::int[], %s::bool[], %s::int[], %s::float8[])
            AS beat (hub_id, socket_id, battery, robot_online, skew_s, age_s)
    ), mine AS (
        SELECT hub_id, beats.battery, beats.robot_online, skew_s,
            statement_timestamp() - make_interval(secs => age_s) AS heard_at
        FROM iot_hubs JOIN beats USING (hub_id, socket_id)
        WHERE status = 'online' AND deregistered_at IS NULL
        ORDER BY hub_id
        FOR NO KEY UPDATE OF iot_hubs SKIP LOCKED
    )
    UPDATE iot_hubs SET last_seen_at = heard_at, silent_at = heard_at + make_interval(secs => %s),
        battery = mine.battery, robot_online = mine.robot_online, clock_skew_s = skew_s
    FROM mine WHERE iot_hubs.hub_id = mine.hub_id
    RETURNING iot_hubs.hub_id, iot_hubs.socket_id
"""
WAKE_HUBS = """
    WITH beats AS (
        SELECT * FROM unnest(%s::int[], %s::text[], %s::int[], %s::bool[], %s::int[])
            AS beat (hub_id, socket_id, battery, robot_online, skew_s)
    ), mine AS (
        SELECT hub_id, beats.battery, beats.robot_online, skew_s
        FROM iot_hubs JOIN beats USING (hub_id, socket_id)
        WHERE status <> 'online' AND deregistered_at IS NULL
        ORDER BY hub_id
        FOR NO KEY UPDATE OF iot_hubs SKIP LOCKED
    )
    UPDATE iot_hubs SET status = 'online', status_changed_at = statement_timestamp(),
        last_seen_at = statement_timestamp(), silent_at = statement_timestamp() + make_interval(secs => %s),
        battery = mine.battery, robot_online = mine.robot_online, clock_skew_s = skew_s
    FROM mine WHERE iot_hubs.hub_id = mine.hub_id
    RETURNING iot_hubs.hub_id, iot_hubs.socket_id
"""

# rows that another transaction holds are left out: the hub's next POST is written down again
MARK_POSTS = """
    WITH posted AS (
        SELECT hub_id, socket_id <> '' AND silent_at > statement_timestamp() AS has_socket
        FROM iot_hubs WHERE hub_id = ANY(%s) AND deregistered_at IS NULL
        ORDER BY hub_id
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE iot_hubs SET last_seen_at = statement_timestamp(),
        silent_at = CASE WHEN has_socket THEN silent_at ELSE statement_timestamp() + make_interval(secs => %s) END,
        socket_id = CASE WHEN has_socket THEN socket_id ELSE '' END
    FROM posted WHERE iot_hubs.hub_id = posted.hub_id AND (has_socket OR status = 'online')
    RETURNING iot_hubs.hub_id, has_socket
"""
BRING_ONLINE = """
    WITH posted AS (
        SELECT hub_id FROM iot_hubs
        WHERE hub_id = ANY(%s) AND deregistered_at IS NULL AND status <> 'online'
            AND (socket_id <> '' AND silent_at > statement_timestamp()) IS NOT TRUE
        ORDER BY hub_id
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE iot_hubs SET last_seen_at = statement_timestamp(), socket_id = '',
        silent_at = statement_timestamp() + make_interval(secs => %s),
        status = 'online', status_changed_at = statement_timestamp()
    FROM posted WHERE iot_hubs.hub_id = posted.hub_id
    RETURNING iot_hubs.hub_id
"""


class Beat(NamedTuple):
    """A heartbeat. `skew_s` is our clock minus the hub's."""

    hub_id: int
    socket_id: str
    battery: int | None
    robot_online: bool
    skew_s: int = 0


# What this process judged last, and when (monotonic): most signs of life ask the database nothing. Judged again after
# five minutes, since another process may have judged otherwise in between.
_posted: dict[int, float] = {}
_equipment: dict[int, tuple[tuple[str, str, bool, str], float]] = {}
_clocks: dict[int, tuple[str, float]] = {}


def heartbeat_lasts() -> timedelta:
    return timedelta(seconds=MISSED_INTERVALS * settings.HEARTBEAT_INTERVAL_S)


def socket_opened(hub_id: int) -> str | None:
    """The id of a new socket, which takes over from any other; None when the hub is not registered.

    It is not online yet: that takes a heartbeat.
    """
    socket_id = str(uuid.uuid4())
    _posted.pop(hub_id, None)
    opened = _registered(hub_id).update(socket_id=socket_id, silent_at=Now() + heartbeat_lasts(), last_seen_at=Now())
    return socket_id if opened else None


def socket_ended(hub_id: int, socket_id: str) -> bool:
    """Notes that the socket is gone; False when another had taken over. The hub stays online until `silent_at`."""
    _posted.pop(hub_id, None)
    _equipment.pop(hub_id, None)
    return _registered(hub_id).filter(socket_id=socket_id).update(socket_id="") > 0


def fit_skew(skew: timedelta) -> int:
    """Whole seconds, as far as a column holds them."""
    return max(-MAX_SKEW_S, min(MAX_SKEW_S, round(skew.total_seconds())))


def is_routine(beat: Beat) -> bool:
    """Whether this heartbeat says nothing new of a hub that this process has put online: it may wait for others."""
    judged, at = _equipment.get(beat.hub_id, (None, 0.0))
    return judged == _bands(beat) and time.monotonic() - at < JUDGED_FOR_S


def mark_heartbeat(hub_id: int, socket_id: str, battery: int | None, robot_online: bool, skew_s: int = 0) -> bool:
    """A sign of life over the socket. False when the socket is no longer the hub's: it was replaced or given up."""
    beat = Beat(hub_id, socket_id, battery, robot_online, skew_s)
    return take_heartbeats([beat])[beat]


def take_heartbeats(beats: Sequence[Beat]) -> dict[Beat, bool]:
    """`mark_heartbeat` of many: whether each is still its hub's. A few statements, however many they are."""
    heard = _move([(beat, 0.0) for beat in beats])
    if left := [beat for beat in beats if (beat.hub_id, beat.socket_id) not in heard]:
        heard |= _wake(left)
    for beat in beats:
        if (beat.hub_id, beat.socket_id) not in heard and _mark_alone(beat):  # its row was in use
            heard.add((beat.hub_id, beat.socket_id))
    ours = {beat: (beat.hub_id, beat.socket_id) in heard for beat in beats}
    news = [beat for beat, is_ours in ours.items() if is_ours and not is_routine(beat)]
    if news:
        faults.judge_equipment(
            faults.Finding(beat.hub_id, beat.battery, beat.robot_online, beat.skew_s) for beat in news
        )
        now = time.monotonic()
        _equipment.update({beat.hub_id: (_bands(beat), now) for beat in news})
    return ours


def mark_heartbeats(aged: Sequence[tuple[Beat, float]]) -> int:
    """Writes routine heartbeats with how many seconds ago each came, in one statement; returns how many hubs it moved.

    A hub that it did not move (offline, replaced, or its row in use) is looked at by itself at its next heartbeat.
    """
    moved = _move(aged)
    for beat, _ in aged:
        if (beat.hub_id, beat.socket_id) not in moved:
            _equipment.pop(beat.hub_id, None)
    return len(moved)


def mark_post(hub_id: int) -> None:
    """A sign of life over HTTP, of a hub whose batch was taken; cheap to call each time."""
    if not is_post_noted(hub_id):
        mark_posts([hub_id])


def mark_posts(hub_ids: Iterable[int]) -> dict[int, bool]:
    """`mark_post` of many hubs, in one statement where nothing is new; whether each has a socket beside, by its id.

    Beside a socket a POST moves `last_seen_at` alone, and is not remembered: the next one may be the first after the
    socket's end. A hub without one has a clock that is right enough, else its batch would not have been taken. Left out
    is a hub that is not registered, or whose row is in use.
    """
    has_socket = _write_posts(list(hub_ids))
    now = time.monotonic()
    alone = [hub_id for hub_id, beside in has_socket.items() if not beside]
    to_judge = [hub_id for hub_id in alone if not _is_clock_judged(hub_id, "right", now)]
    if to_judge:
        faults.clear_of_many(to_judge, Fault.Kind.CLOCK_SKEW)
        _clocks.update(dict.fromkeys(to_judge, ("right", now)))
    _posted.update(dict.fromkeys(alone, now))
    return has_socket


def mark_refused_post(hub_id: int, skew: timedelta) -> None:
    """A sign of life of a hub whose batch was refused for its clock. `skew` is our clock minus the hub's."""
    now = time.monotonic()
    is_judged = _is_clock_judged(hub_id, "off", now)
    if is_judged and _is_marked(hub_id, now, POST_REPEATS_S):
        return
    has_socket = _write_posts([hub_id])
    if not has_socket.get(hub_id, True):
        _posted[hub_id] = now
    if not is_judged:
        faults.raise_fault(hub_id, Fault.Kind.CLOCK_SKEW)
        _registered(hub_id).update(clock_skew_s=fit_skew(skew))
        _clocks[hub_id] = ("off", now)


def is_post_noted(hub_id: int) -> bool:
    """Whether this process wrote a POST of the hub down so lately that `mark_post` has nothing to do."""
    now = time.monotonic()
    return _is_marked(hub_id, now, POST_REPEATS_S) and _is_clock_judged(hub_id, "right", now)


def is_online_by_posts(hub_id: int) -> bool:
    """Whether an earlier POST keeps the hub online for half a minute more at least: the next mark is not urgent."""
    now = time.monotonic()
    return _is_marked(hub_id, now, POST_HOLDS_S) and _is_clock_judged(hub_id, "right", now)


def sweep_offline() -> list[IoTHub]:
    """Turns the hubs offline that were silent for too long: fault and signal in one transaction for each.

    Returns them. At most 200 at a time; a hub whose row is being written is left for the next sweep.
    """
    due = IoTHub.objects.filter(deregistered_at=None, status=ONLINE, silent_at__lte=Now())
    hub_ids = due.order_by("silent_at").values_list("pk", flat=True)[:SWEEP_MAX]
    return [hub for hub_id in list(hub_ids) if (hub := _go_offline(hub_id))]


def grant_grace(outage_s: float | None = None) -> int:
    """Gives every online hub time to be heard again: after an outage of ours, its silence is not its own fault.

    `outage_s` is how long nobody could reach us, None where nobody knows. Pauses between tries double, so a hub comes
    back within twice the outage: a short one needs no long grace, in which a hub that dies would be told late.
    """
    grace_s = MOST_GRACE_S if outage_s is None else min(MOST_GRACE_S, max(LEAST_GRACE_S, 15 + 2 * outage_s))
    online = IoTHub.objects.filter(deregistered_at=None, status=ONLINE)
    return online.update(silent_at=Greatest("silent_at", Now() + timedelta(seconds=grace_s)))


def _bands(beat: Beat) -> tuple[str, str, bool, str]:
    return beat.socket_id, faults.battery_band(beat.battery), beat.robot_online, faults.clock_band(beat.skew_s)


def _write_posts(hub_ids: list[int]) -> dict[int, bool]:
    """Moves the rows; whether each hub has a socket beside, by its id."""
    with connection.cursor() as cursor:
        cursor.execute(MARK_POSTS, [hub_ids, POST_LASTS_S])
        has_socket = dict[int, bool](cursor.fetchall())
    if away := [hub_id for hub_id in hub_ids if hub_id not in has_socket]:
        has_socket.update(dict.fromkeys(_bring_online(away), False))
    return has_socket


@transaction.atomic
def _bring_online(hub_ids: list[int]) -> list[int]:
    """Puts those online that were not and have no socket; returns them."""
    with connection.cursor() as cursor:
        cursor.execute(BRING_ONLINE, [hub_ids, POST_LASTS_S])
        back = [hub_id for (hub_id,) in cursor.fetchall()]
    if back:
        faults.clear_of_many(back, Fault.Kind.HUB_OFFLINE)
        hints.send_hint_on_commit(hints.STAFF_FEED)
    return back


def _is_clock_judged(hub_id: int, band: str, now: float) -> bool:
    known, at = _clocks.get(hub_id, ("", 0.0))
    return known == band and now - at < JUDGED_FOR_S


def _is_marked(hub_id: int, now: float, within_s: float) -> bool:
    at = _posted.get(hub_id)
    return at is not None and now - at < within_s


def _registered(hub_id: int) -> QuerySet[IoTHub]:
    return IoTHub.objects.filter(pk=hub_id, deregistered_at=None)


def _move(aged: Sequence[tuple[Beat, float]]) -> set[tuple[int, str]]:
    """Writes the heartbeats of hubs that are online; the (hub_id, socket_id) that it moved."""
    if not aged:
        return set()
    columns = [list(column) for column in zip(*(beat for beat, _ in aged), strict=True)]
    with connection.cursor() as cursor:
        lasts_s = heartbeat_lasts().total_seconds()
        cursor.execute(MARK_HEARTBEATS, [*columns, [age_s for _, age_s in aged], lasts_s])
        return set(cursor.fetchall())


@transaction.atomic
def _wake(beats: Sequence[Beat]) -> set[tuple[int, str]]:
    """Puts those online that were not; returns their (hub_id, socket_id)."""
    columns = [list(column) for column in zip(*beats, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(WAKE_HUBS, [*columns, heartbeat_lasts().total_seconds()])
        awake = set[tuple[int, str]](cursor.fetchall())
    if awake:
        faults.clear_of_many([hub_id for hub_id, _ in awake], Fault.Kind.HUB_OFFLINE)
        hints.send_hint_on_commit(hints.STAFF_FEED)
    return awake


@transaction.atomic
def _mark_alone(beat: Beat) -> bool:
    """Waits for whoever is writing the hub's row. False when the socket is not the hub's."""
    mine = _registered(beat.hub_id).filter(socket_id=beat.socket_id)
    if not mine.select_for_update(no_key=True).exists():
        return False
    return bool(_move([(beat, 0.0)]) or _wake([beat]))


@transaction.atomic
def _go_offline(hub_id: int) -> IoTHub | None:
    silent = _registered(hub_id).filter(status=ONLINE, silent_at__lte=Now())
    hub = silent.select_for_update(skip_locked=True, of=("self",)).first()
    if hub is None:
        return None
    _registered(hub_id).update(status=IoTHub.Status.OFFLINE, status_changed_at=Now(), socket_id="")
    hub.refresh_from_db()
    faults.raise_fault(hub_id, Fault.Kind.HUB_OFFLINE)
    hub_went_offline.send(sender=IoTHub, hub=hub)
    hints.send_hint_on_commit(hints.STAFF_FEED)
    return hub
