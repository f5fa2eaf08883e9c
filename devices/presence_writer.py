"""Signs of life as the event loop hears them: those of many hubs with few statements.

A POST is waited for only where this process has not found its hub online lately, so that whoever looks after the answer
sees it online. Of the others a mark may come a moment after the answer: their earlier one holds for 30 s at least.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from . import presence
from .grouped_calls import GroupedCall

if TYPE_CHECKING:
    from collections.abc import Sequence


class PresenceWriter:
    """Of one event loop."""

    def __init__(self) -> None:
        self.posts = GroupedCall(_mark_posts)
        self.beats = GroupedCall(_take_heartbeats)


def _mark_posts(hub_ids: Sequence[int]) -> dict[int, bool]:
    return presence.mark_posts(hub_ids)


def _take_heartbeats(beats: Sequence[presence.Beat]) -> dict[presence.Beat, bool]:
    return presence.take_heartbeats(beats)


_writers: WeakKeyDictionary[asyncio.AbstractEventLoop, PresenceWriter] = WeakKeyDictionary()


def _writer() -> PresenceWriter:
    loop = asyncio.get_running_loop()
    if loop not in _writers:
        _writers[loop] = PresenceWriter()
    return _writers[loop]


async def note_post(hub_id: int) -> None:
    """`presence.mark_post` from the event loop. Raises django.db.Error where it waits and the database is away."""
    marked = _writer().posts.ask(hub_id)
    if not presence.is_online_by_posts(hub_id):
        await marked


async def take_heartbeat(beat: presence.Beat) -> bool:
    """`presence.mark_heartbeat` from the event loop. Raises django.db.Error when the database is away."""
    return bool(await _writer().beats.ask(beat))
