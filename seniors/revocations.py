"""Revocations: a row that says a credential died, and the poll by which every process hears of it within a second."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.db.models.functions import Now

from .models import Revocation


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

    Rows of the last minute are read each time, so a row whose transaction committed late is not slipped past.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def poll(self) -> list[tuple[str, str]]:
        """New (kind, subject) pairs. Raises django.db.Error when the database is away."""
        recent = Revocation.objects.filter(created_at__gt=Now() - timedelta(seconds=60))
        rows = list(recent.values_list("id", "kind", "subject"))
        fresh = [(kind, subject) for row_id, kind, subject in rows if row_id not in self._seen]
        self._seen = {row_id for row_id, _, _ in rows}
        return fresh
