"""Signed tokens that travel inside a message: each for one purpose, one row and one person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.core import signing

if TYPE_CHECKING:
    from uuid import UUID

ACKNOWLEDGE = "anbu.notification.acknowledge"
STILL_ON_IT = "anbu.notification.still_on_it"
RECEIVED = "anbu.notification.received"
LASTS = timedelta(hours=24)


class TokenInvalid(ValueError):
    """Not ours, for something else, or too old."""


def sign(purpose: str, row_id: UUID | str, staff_id: int) -> str:
    return signing.dumps([str(row_id), staff_id], salt=purpose)


def read(purpose: str, token: str, row_id: UUID | str) -> int:
    """The staff_id of a token for that row. Raises TokenInvalid."""
    try:
        signed_id, staff_id = signing.loads(token, salt=purpose, max_age=LASTS)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise TokenInvalid("the link is too old, or not for this") from error
    if signed_id != str(row_id) or not isinstance(staff_id, int):
        raise TokenInvalid("the link is for something else")
    return staff_id
