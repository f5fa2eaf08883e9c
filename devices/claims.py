"""Claim codes: what an installer types on a hub, or lets it scan, so that the key itself passes through no hands.

A code belongs to one registration and is told with the device's own number. It works once, for an hour, and dies after
five wrong tries; 40 random bits are out of reach then. Taking it kills every key the hub had before.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from . import registration
from .api_keys import hash_key
from .models import HubClaim, IoTHub

if TYPE_CHECKING:
    from datetime import datetime

    from .registration import Rotation

LIFETIME = timedelta(hours=1)
MAX_FAILURES = 5
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that looks like another
LENGTH = 8


class ClaimRefused(Exception):
    """No such code for this device: wrong, used, expired, or tried too often. Which of them is not told."""


class NewClaim(NamedTuple):
    """A code, shown once, as `ABCD-2345`."""

    code: str
    expires_at: datetime


@transaction.atomic
def issue_claim(hub: IoTHub) -> NewClaim:
    """A code for a registered hub; the one before it dies. Raises HubNotRegistered."""
    if not IoTHub.objects.registered().filter(pk=hub.pk).exists():
        raise registration.HubNotRegistered(f"there is no registered hub {hub.pk}")
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    fresh = {"code_hash": hash_key(code), "created_at": Now(), "expires_at": Now() + LIFETIME}
    HubClaim.objects.update_or_create(hub=hub, defaults={**fresh, "used_at": None, "failures": 0})
    claim = HubClaim.objects.get(hub=hub)
    return NewClaim(f"{code[:4]}-{code[4:]}", claim.expires_at)


def take_claim(device_id: str, code: str) -> tuple[IoTHub, Rotation]:
    """Exchanges a code for the hub's new key. Raises ClaimRefused."""
    claims = HubClaim.objects.filter(hub__device_id=device_id, hub__deregistered_at=None)
    live = claims.filter(used_at=None, expires_at__gt=Now(), failures__lt=MAX_FAILURES)
    with transaction.atomic():
        if live.filter(code_hash=hash_key(normalize_code(code))).update(used_at=Now()):
            hub = IoTHub.objects.registered().get(device_id=device_id)
            return hub, registration.rotate_key(hub)
    live.update(failures=F("failures") + 1)
    raise ClaimRefused("the code is not valid for this device; ask for a new one in the portal")


def normalize_code(text: str) -> str:
    """As people type it: small letters, spaces and hyphens do not matter."""
    return "".join(text.upper().replace("-", " ").split())


def as_qr_text(portal_url: str, device_id: str, code: str) -> str:
    """What a QR code of the claim says: `anbu:claim?url=...&device_id=...&code=...`."""
    return "anbu:claim?" + urlencode({"url": portal_url.rstrip("/"), "device_id": device_id, "code": code})
