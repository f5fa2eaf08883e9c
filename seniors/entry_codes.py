"""How to get into a senior's home: a door code, where the key is. Encrypted at rest, so that a copy of the database
opens no door.

Fernet (AES-128-CBC with HMAC-SHA-256) under ANBU_ENTRY_CODE_KEYS: the first encrypts, all of them decrypt, so a key is
changed by putting a new one in front.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db.models.functions import Now

from .models import EntryCode, Senior, Staff

LONGEST = 200


class EntryCodesLocked(Exception):
    """No key is set, or none that opens what is stored. An operator has to put ANBU_ENTRY_CODE_KEYS right."""


def store_entry_code(senior: Senior, text: str, by: Staff | None) -> None:
    """Keeps `text` (at most 200 characters) in the place of what was there; empty text removes it. Raises
    EntryCodesLocked, ValueError."""
    if len(text) > LONGEST:
        raise ValueError(f"at most {LONGEST} characters")
    if not text:
        EntryCode.objects.filter(senior=senior).delete()
        return
    sealed = _fernet().encrypt(text.encode())
    EntryCode.objects.update_or_create(
        senior=senior, defaults={"ciphertext": sealed, "changed_at": Now(), "changed_by": by}
    )


def reveal_entry_code(senior: Senior) -> str:
    """The text, empty when there is none. Whoever calls this writes the access log. Raises EntryCodesLocked."""
    row = EntryCode.objects.filter(senior=senior).first()
    if row is None:
        return ""
    try:
        return _fernet().decrypt(bytes(row.ciphertext)).decode()
    except InvalidToken as error:
        raise EntryCodesLocked("no key of ANBU_ENTRY_CODE_KEYS opens this entry code") from error


def _fernet() -> MultiFernet:
    keys = settings.ANBU_ENTRY_CODE_KEYS
    if not keys:
        raise EntryCodesLocked("ANBU_ENTRY_CODE_KEYS is not set")
    return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys])
