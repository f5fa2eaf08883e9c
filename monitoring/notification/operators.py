"""Telling the operators: by e-mail to every superuser, and by the URLs of ANBU_OPERATOR_URLS."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from seniors.models import Staff

from . import mail
from .models import ChannelKind, Notification, Purpose

log = structlog.get_logger(__name__)
SILENT_FOR = timedelta(hours=1)


@transaction.atomic
def tell_operators(code: str, text: str) -> bool:
    """Writes down what the operators are to hear; the watchdog's sender takes it from there. The same `code` again
    within an hour says nothing new: False. Raises django.db.Error when the database is away."""
    log.warning("operators are told", code=code, text=text)
    with connection.cursor() as cursor:
        # one at a time for a code, so that two processes that see the same trouble tell of it once
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_lock_of(code)])
    told = Notification.objects.filter(purpose=Purpose.OPERATOR, values__code=code, created_at__gt=Now() - SILENT_FOR)
    if told.exists():
        return False
    values = {"code": code, "text": text}
    people = Staff.objects.filter(is_superuser=True, is_active=True) if mail.is_configured() else []
    rows = [
        Notification(
            staff=person, kind=ChannelKind.EMAIL, purpose=Purpose.OPERATOR, address=person.email, values=values
        )
        for person in people
    ]
    rows += [
        Notification(kind=ChannelKind.APPRISE, purpose=Purpose.OPERATOR, address=str(place), values=values)
        for place in range(len(settings.ANBU_OPERATOR_URLS))
    ]
    Notification.objects.bulk_create(rows)
    return bool(rows)


def _lock_of(code: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"operators:{code}".encode(), digest_size=8).digest(), "big", signed=True)
