"""View tokens: what lets a player without cookies begin one view, within a minute."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection
from django.db.models.functions import Now

from .camera_models import ViewToken

if TYPE_CHECKING:
    from datetime import datetime

    from seniors.models import Senior, Staff

LASTS = timedelta(seconds=60)


class IssuedToken(NamedTuple):
    token: str
    expires_at: datetime


def issue_token(staff: Staff, senior: Senior, reason: str, session: str) -> IssuedToken:
    token = secrets.token_urlsafe(32)
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        expires_at = cursor.fetchone()[0] + LASTS
    ViewToken.objects.create(
        token_hash=digest(token),
        staff=staff,
        senior=senior,
        reason=reason[:300],
        session=session,
        expires_at=expires_at,
    )
    return IssuedToken(token, expires_at)


def take_token(token: str) -> ViewToken | None:
    """The token's row, once; None when it is unknown, used or too old."""
    found = ViewToken.objects.filter(token_hash=digest(token))
    if not found.filter(used_at=None, expires_at__gt=Now(), staff__is_active=True).update(used_at=Now()):
        return None
    return found.select_related("staff", "senior").get()


def was_given_to(token: str, staff_id: int, senior_id: int) -> bool:
    """Whether this used token began a view of that person and senior."""
    return ViewToken.objects.filter(token_hash=digest(token), staff_id=staff_id, senior_id=senior_id).exists()


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
