"""Hours in which only emergencies may ring. Pure; times are those of a wall clock in Asia/Seoul."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .models import Purpose

if TYPE_CHECKING:
    from datetime import time

# whatever is about an emergency that waits for somebody is never held
HELD = {Purpose.NOTICE, Purpose.REMINDER}


def end_of_quiet(begins: time | None, ends: time | None, now: datetime) -> datetime | None:
    """When the quiet time around `now` ends, None outside of it. It may go over midnight; `now` is Seoul's time."""
    if begins is None or ends is None or begins == ends:
        return None
    clock = now.time()
    over_midnight = begins > ends
    is_quiet = (clock >= begins or clock < ends) if over_midnight else begins <= clock < ends
    if not is_quiet:
        return None
    day = now.date() + timedelta(days=1) if over_midnight and clock >= begins else now.date()
    return datetime.combine(day, ends, tzinfo=now.tzinfo)
