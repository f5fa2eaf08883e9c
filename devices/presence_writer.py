"""Signs of life by POST, as the ingest path gives them: those of many hubs with one statement.

Only a hub that this process has not found online lately is waited for, so that whoever looks after the answer sees it
online. Of the others a mark may come a moment after the answer: their earlier one holds for 30 s at least.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from . import presence
from .grouped_calls import GroupedCall

if TYPE_CHECKING:
    from collections.abc import Sequence


def _mark(hub_ids: Sequence[int]) -> dict[int, bool]:
    return presence.mark_posts(hub_ids)


_marks: WeakKeyDictionary[asyncio.AbstractEventLoop, GroupedCall[int, bool]] = WeakKeyDictionary()


async def note_post(hub_id: int) -> None:
    """`presence.mark_post` from the event loop. Raises django.db.Error where it waits and the database is away."""
    loop = asyncio.get_running_loop()
    marks = _marks.get(loop)
    if marks is None:
        marks = _marks[loop] = GroupedCall(_mark)
    marked = marks.ask(hub_id)
    if not presence.is_online_by_posts(hub_id):
        await marked
