"""Who could be told now: a page of theirs is open, or a channel beyond the page is set up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models.functions import Now

from .notification.planning import has_channel
from .roster_models import PagePresence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seniors.models import Staff

PAGE_IS_OPEN_FOR = timedelta(minutes=2)
MARK = """
    INSERT INTO page_presence (staff_id, seen_at)
    SELECT staff_id, statement_timestamp() FROM staffs WHERE staff_id = ANY(%s) ORDER BY staff_id
    ON CONFLICT (staff_id) DO UPDATE SET seen_at = excluded.seen_at
"""


def mark_pages_open(staff_ids: Iterable[int]) -> None:
    """These have a page open now."""
    with connection.cursor() as cursor:
        cursor.execute(MARK, [sorted(staff_ids)])


def reachable(people: Iterable[Staff]) -> list[Staff]:
    """Those of `people` who would hear of an alarm now."""
    open_pages = PagePresence.objects.filter(seen_at__gt=Now() - PAGE_IS_OPEN_FOR)
    looking = set(open_pages.values_list("staff_id", flat=True))
    return [person for person in people if person.pk in looking or has_channel(person.pk)]
