"""Identities of AI workers: issued with a key that is shown once, revoked for good."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from devices.api_keys import matches, new_key

from .models import ServiceAccount

KEY_KIND = "svc"


class ServiceAccountExists(ValueError):
    """A service account of that name is there already, perhaps a revoked one: names are not used twice."""


def issue_service_account(name: str) -> str:
    """Makes the account and returns its key, which is stored nowhere. Raises ServiceAccountExists."""
    key = new_key(KEY_KIND)
    try:
        with transaction.atomic():
            ServiceAccount.objects.create(name=name, key_prefix=key.prefix, key_hash=key.key_hash)
    except IntegrityError as error:
        raise ServiceAccountExists(name) from error
    return key.key


def revoke_service_account(name: str) -> bool:
    """Ends the account's key at once. False when there is no such account with a living key."""
    live = ServiceAccount.objects.filter(name=name, revoked_at__isnull=True)
    return live.update(revoked_at=Now()) == 1


def find_service_account(prefix: str, secret: str) -> ServiceAccount | None:
    """The account whose living key this is."""
    account = ServiceAccount.objects.filter(key_prefix=prefix, revoked_at__isnull=True).first()
    return account if account is not None and matches(secret, account.key_hash) else None
