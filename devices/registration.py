"""The life of a hub and of its keys: registered, rotated, replaced, deregistered.

Every change of a key's life leaves a revocation row, so that each process looks at the key anew within a second.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Least, Now

from seniors.revocations import revoke_hub, revoke_hub_key

from . import faults, hints
from .api_keys import NewKey, new_key
from .models import HubKey, IoTHub

if TYPE_CHECKING:
    from datetime import datetime

    from seniors.models import Senior, Staff

log = structlog.get_logger(__name__)
MAX_OVERLAP_S = 86_400


class DeviceAlreadyRegistered(Exception):
    """The device is registered, here or for another senior; it must be deregistered there first."""


class SeniorHasHub(Exception):
    """The senior has a registered hub; name it as the one to be replaced."""


class HubNotRegistered(LookupError):
    """There is no such registered hub."""


class KeyStillLives(Exception):
    """The hub has a live key; rotate it instead of issuing a first one."""


class Rotation(NamedTuple):
    """A new key, shown once, and when the one before it dies (or died); None when none lived."""

    key: str
    prefix: str
    created_at: datetime
    previous_key_expires_at: datetime | None


@transaction.atomic
def register_hub(senior: Senior, device_id: str, by: Staff | None) -> tuple[IoTHub, NewKey]:
    """Registers `device_id` as the hub of `senior`, with its first key.

    Raises DeviceAlreadyRegistered, SeniorHasHub. `by` is None for an operator's command.
    """
    try:
        with transaction.atomic():
            hub = IoTHub.objects.create(senior=senior, device_id=device_id)
    except IntegrityError as error:
        if "one_registration_a_device" in str(error):
            raise DeviceAlreadyRegistered(f"device {device_id} is registered already") from error
        if "one_hub_a_senior" in str(error):
            raise SeniorHasHub(f"senior {senior.pk} has a registered hub") from error
        raise
    key = _add_key(hub.hub_id)
    hub.refresh_from_db()
    log.info("hub registered", hub_id=hub.hub_id, senior_id=senior.pk, by=by.pk if by else None)
    hints.send_hint_on_commit(hints.STAFF_FEED)
    return hub, key


@transaction.atomic
def replace_hub(senior: Senior, replaced_id: int, device_id: str, by: Staff | None) -> tuple[IoTHub, NewKey]:
    """Deregisters the broken hub of `senior` and registers the new one, or neither.

    Raises HubNotRegistered when `replaced_id` is not the senior's registered hub, DeviceAlreadyRegistered.
    """
    broken = IoTHub.objects.filter(pk=replaced_id, senior=senior).first()
    if broken is None:
        raise HubNotRegistered(f"hub {replaced_id} is not a hub of senior {senior.pk}")
    deregister(broken, by)
    return register_hub(senior, device_id, by)


@transaction.atomic
def deregister(hub: IoTHub, by: Staff | None) -> None:
    """Ends a registration: its keys die, its sockets close within a second. Raises HubNotRegistered."""
    ended = IoTHub.objects.filter(pk=hub.pk, deregistered_at=None).update(
        deregistered_at=Now(),
        api_key_hash="",
        status=IoTHub.Status.OFFLINE,
        status_changed_at=Now(),
        socket_id="",
        silent_at=None,
    )
    if not ended:
        raise HubNotRegistered(f"there is no registered hub {hub.pk}")
    HubKey.objects.filter(hub=hub, revoked_at=None).update(revoked_at=Now())
    faults.clear_all(hub.pk)
    revoke_hub(hub.pk)
    log.info("hub deregistered", hub_id=hub.pk, by=by.pk if by else None)
    _hint_on_commit()


@transaction.atomic
def rotate_key(hub: IoTHub, overlap_s: int = 0) -> Rotation:
    """Issues a new key. The newest one so far dies in `overlap_s` seconds (0-86,400), every older one now.

    Raises HubNotRegistered, ValueError.
    """
    if not 0 <= overlap_s <= MAX_OVERLAP_S:
        raise ValueError(f"overlap_s must be between 0 and {MAX_OVERLAP_S}")
    _lock_registered(hub.pk)
    newest, *older = [*HubKey.objects.live().filter(hub=hub).order_by("-pk")] or [None]
    for key in older:
        _end_key(key, 0)
    if newest is not None:
        _end_key(newest, overlap_s)
        newest.refresh_from_db()
    key = _add_key(hub.pk)
    _hint_on_commit()
    created_at = HubKey.objects.get(prefix=key.prefix).created_at
    return Rotation(key.key, key.prefix, created_at, newest and (newest.revoked_at or newest.expires_at))


@transaction.atomic
def issue_key(hub: IoTHub) -> NewKey:
    """Issues a key to a registered hub whose keys are all dead. Raises KeyStillLives, HubNotRegistered."""
    _lock_registered(hub.pk)
    if HubKey.objects.live().filter(hub=hub).exists():
        raise KeyStillLives(f"hub {hub.pk} has a live key")
    return _add_key(hub.pk)


@transaction.atomic
def revoke_keys(hub: IoTHub) -> int:
    """Kills every live key of a registered hub, which stays registered; returns how many. Raises HubNotRegistered."""
    _lock_registered(hub.pk)
    keys = list(HubKey.objects.live().filter(hub=hub))
    for key in keys:
        _end_key(key, 0)
    IoTHub.objects.filter(pk=hub.pk).update(api_key_hash="")
    _hint_on_commit()
    return len(keys)


def _lock_registered(hub_id: int) -> None:
    """Holds the hub's row until the transaction ends: one change of its keys at a time."""
    if not IoTHub.objects.select_for_update(no_key=True).filter(pk=hub_id, deregistered_at=None).exists():
        raise HubNotRegistered(f"there is no registered hub {hub_id}")


def _add_key(hub_id: int) -> NewKey:
    key = new_key("hub")
    HubKey.objects.create(hub_id=hub_id, prefix=key.prefix, key_hash=key.key_hash)
    IoTHub.objects.filter(pk=hub_id).update(api_key_hash=key.key_hash)
    return key


def _end_key(key: HubKey, after_s: int) -> None:
    """An end set before stays when it is sooner."""
    row = HubKey.objects.filter(pk=key.pk)
    if after_s:
        row.update(expires_at=Least(F("expires_at"), Now() + timedelta(seconds=after_s)))
    else:
        row.update(revoked_at=Now())
    revoke_hub_key(key.prefix)


def _hint_on_commit() -> None:
    for channel in (hints.REVOCATIONS, hints.STAFF_FEED):
        hints.send_hint_on_commit(channel)
