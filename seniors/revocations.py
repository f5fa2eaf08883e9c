"""Revocations: a row that says a credential died, and the poll by which every process hears of it within a second."""

from __future__ import annotations

import hashlib
import time
from datetime import timedelta

from django.db.models.functions import Now

from .models import Revocation

LATE_S = 60
BOOT_TIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps


def digest_session(session_key: str) -> str:
    """The subject of a session's revocation. The key itself is a credential and is not written to a table."""
    return hashlib.sha256(session_key.encode()).hexdigest()


def revoke_session(session_key: str | None) -> None:
    if session_key:
        Revocation.objects.create(kind=Revocation.Kind.SESSION, subject=digest_session(session_key))


def revoke_staff(staff_id: int) -> None:
    Revocation.objects.create(kind=Revocation.Kind.STAFF, subject=str(staff_id))


def revoke_hub(hub_id: int) -> None:
    Revocation.objects.create(kind=Revocation.Kind.HUB, subject=str(hub_id))


def revoke_hub_key(prefix: str) -> None:
    Revocation.objects.create(kind=Revocation.Kind.HUB_KEY, subject=prefix)


def revoke_consent(senior_id: int) -> None:
    Revocation.objects.create(kind=Revocation.Kind.CONSENT, subject=str(senior_id))


def revoke_mapping(staff_id: int, senior_id: int) -> None:
    Revocation.objects.create(kind=Revocation.Kind.MAPPING, subject=f"{staff_id}:{senior_id}")


class RevocationLog:
    """One process's view of the revocations: `poll()` returns those not yet returned.

    Rows of a minute before the last poll are read each time, so a row whose transaction committed late is not slipped
    past, nor one that was written while this process slept.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._polled_at: float | None = None

    def poll(self) -> list[tuple[str, str]]:
        """New (kind, subject) pairs. Raises django.db.Error when the database is away."""
        began = time.clock_gettime(BOOT_TIME)
        slept_s = 0.0 if self._polled_at is None else began - self._polled_at
        recent = Revocation.objects.filter(created_at__gt=Now() - timedelta(seconds=LATE_S + slept_s))
        rows = list(recent.values_list("id", "kind", "subject"))
        fresh = [(kind, subject) for row_id, kind, subject in rows if row_id not in self._seen]
        self._seen = {row_id for row_id, _, _ in rows}
        self._polled_at = began
        return fresh
