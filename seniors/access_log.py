"""Appends to the access log: one row for each time that somebody's personal data is read or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .models import AccessLog, Staff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest


def record_access(
    staff: Any,
    action: str,
    senior_ids: int | Iterable[int] | None,
    *,
    address: str | None = None,
    reason: str = "",
    **detail: Any,
) -> None:
    """Leaves one row per senior: who, whose data, what, from where, why.

    `staff` is the person (anything else is recorded as nobody: a machine that acts on rows of its own);
    `senior_ids` None means an access that concerns no single senior.
    """
    ids = [senior_ids] if senior_ids is None or isinstance(senior_ids, int) else list(senior_ids)
    person = staff if isinstance(staff, Staff) else None
    AccessLog.objects.bulk_create(
        [
            AccessLog(
                staff=person, senior_id=senior_id, action=action, reason=reason[:300], address=address, detail=detail
            )
            for senior_id in ids
        ]
    )


def record_request(
    request: HttpRequest, action: str, senior_ids: int | Iterable[int] | None, *, reason: str = "", **detail: Any
) -> None:
    """`record_access` for a request: its person and its peer address."""
    address = request.META.get("REMOTE_ADDR") or None
    record_access(request.user, action, senior_ids, address=address, reason=reason, **detail)
