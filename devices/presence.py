"""Who is online, judged by the database's clock alone.

Online means a live socket with heartbeats. `silent_at` is when a hub goes offline if nothing comes before: 3 heartbeat
intervals after its last heartbeat while it has a socket and after that ended, 90 s after a POST made without one.
A socket whose hub has gone silent counts as ended, so the row of a crashed process holds nobody back.
"""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Greatest, Now

from . import faults, hints
from .models import Fault, IoTHub
from .signals import hub_went_offline

MISSED_INTERVALS = 3
POST_LASTS_S = 90
POST_REPEATS_S = 5.0
RESTART_GRACE_S = 45
SWEEP_MAX = 200

ONLINE = IoTHub.Status.ONLINE
_posted: dict[int, float] = {}  # hub_id -> monotonic time of the POST that this process wrote down last
_equipment: dict[int, tuple[str, str, bool]] = {}  # hub_id -> what was judged last, so that most heartbeats ask nothing


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


def mark_heartbeat(hub_id: int, socket_id: str, battery: int | None, robot_online: bool) -> bool:
    """A sign of life over the socket. False when the socket is no longer the hub's: it was replaced or given up."""
    mine = _registered(hub_id).filter(socket_id=socket_id)
    seen = {
        "last_seen_at": Now(),
        "silent_at": Now() + heartbeat_lasts(),
        "battery": battery,
        "robot_online": robot_online,
    }
    if not mine.filter(status=ONLINE).update(**seen) and not _come_online(mine, hub_id, **seen):
        return False
    equipment = (socket_id, faults.battery_band(battery), robot_online)
    if _equipment.get(hub_id) != equipment:
        faults.judge_equipment(hub_id, battery, robot_online)
        _equipment[hub_id] = equipment
    return True


def mark_post(hub_id: int) -> None:
    """A sign of life over HTTP. While the hub has a socket it moves `last_seen_at` alone; cheap to call each time."""
    now = time.monotonic()
    if now - _posted.get(hub_id, -POST_REPEATS_S) < POST_REPEATS_S:
        return
    hub = _registered(hub_id)
    if hub.filter(~Q(socket_id=""), silent_at__gt=Now()).update(last_seen_at=Now()):
        return  # not remembered: the next POST may be the first after the socket's end
    without_socket = hub.filter(Q(socket_id="") | Q(silent_at=None) | Q(silent_at__lte=Now()))
    seen = {"last_seen_at": Now(), "silent_at": Now() + timedelta(seconds=POST_LASTS_S), "socket_id": ""}
    if without_socket.filter(status=ONLINE).update(**seen) or _come_online(without_socket, hub_id, **seen):
        _posted[hub_id] = now


def sweep_offline() -> list[IoTHub]:
    """Turns the hubs offline that were silent for too long: fault and signal in one transaction for each.

    Returns them. At most 200 at a time; a hub whose row is being written is left for the next sweep.
    """
    due = IoTHub.objects.filter(deregistered_at=None, status=ONLINE, silent_at__lte=Now())
    hub_ids = due.order_by("silent_at").values_list("pk", flat=True)[:SWEEP_MAX]
    return [hub for hub_id in list(hub_ids) if (hub := _go_offline(hub_id))]


def grant_grace() -> int:
    """Gives every online hub 45 s to be heard again: after an outage of ours, its silence is not its own fault."""
    online = IoTHub.objects.filter(deregistered_at=None, status=ONLINE)
    return online.update(silent_at=Greatest("silent_at", Now() + timedelta(seconds=RESTART_GRACE_S)))


def _registered(hub_id: int) -> QuerySet[IoTHub]:
    return IoTHub.objects.filter(pk=hub_id, deregistered_at=None)


@transaction.atomic
def _come_online(hub: QuerySet[IoTHub], hub_id: int, **seen: object) -> bool:
    """Puts a hub online that was not. False when `hub` chooses no row."""
    if not hub.exclude(status=ONLINE).update(status=ONLINE, status_changed_at=Now(), **seen):
        return hub.update(**seen) > 0  # another process was faster
    faults.clear_fault(hub_id, Fault.Kind.HUB_OFFLINE)
    hints.send_hint_on_commit(hints.STAFF_FEED)
    return True


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
