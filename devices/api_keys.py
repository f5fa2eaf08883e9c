"""API keys: `<prefix>.<secret>`. The prefix finds the row, a keyed hash of the 256-bit random secret proves it.

A fast hash is right here: the secret cannot be guessed, and a slow one would be a lever to stop the service
(PBKDF2 costs 250 ms a request). The HMAC's key stands outside the database.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import NamedTuple

from django.conf import settings

SHAPE = re.compile(r"([a-z]{3}_[A-Za-z0-9]{10})\.([A-Za-z0-9_-]{43})")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class NewKey(NamedTuple):
    key: str
    prefix: str
    key_hash: str


def new_key(kind: str = "hub") -> NewKey:
    """A fresh key of `kind` (three letters, seen in its prefix). The full key exists in this value alone."""
    prefix = f"{kind}_" + "".join(secrets.choice(ALPHABET) for _ in range(10))
    secret = secrets.token_urlsafe(32)
    return NewKey(f"{prefix}.{secret}", prefix, hash_key(secret))


def split_key(text: str) -> tuple[str, str] | None:
    """(prefix, secret), or None when `text` has not the form of a key."""
    match = SHAPE.fullmatch(text.strip())
    return (match[1], match[2]) if match else None


def hash_key(secret: str) -> str:
    """HMAC-SHA-256 under ANBU_KEY_PEPPER, 64 hexadecimal digits."""
    return hmac.digest(settings.ANBU_KEY_PEPPER.encode(), secret.encode(), "sha256").hex()


def matches(secret: str, key_hash: str) -> bool:
    return hmac.compare_digest(hash_key(secret), key_hash)


def credential_of(header: str) -> tuple[str, str] | None:
    """(prefix, secret) of an `Authorization` header: `Api-Key <key>`, or `Bearer <key>` as WHIP clients send it."""
    scheme, _, rest = header.partition(" ")
    return split_key(rest) if scheme.lower() in {"api-key", "bearer"} else None
