"""The short way for a batch in which nothing is wrong and nobody calls for help: nearly every one.

It decodes straight into typed events and looks at the batch as a whole. Whatever is unusual sends the batch the long
way (devices/strict_json.py, ingest.judge), which gives each event its verdict: the short way never refuses anything,
and what it takes the long way would take alike.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import msgspec

from .ingest import FUTURE, MAX_CONTENT, MAX_EVENTS, MAX_SENSOR_ID, PANIC_WORDS, PAST, is_skewed

PANICS = tuple(PANIC_WORDS)
# The decoder rounds digits finer than microseconds, which are to be cut, and takes an offset without its colon. Three
# searches for a first letter cost a fifth of one for a choice.
_find_finer, _find_odd_plus, _find_odd_minus = (
    re.compile(odd).search for odd in (rb"\.[0-9]{7}", rb'\+[0-9]{4}"', rb'-[0-9]{4}"')
)
MARKS_OF_AN_EVENT = 14  # four names and three texts, two quotation marks each
MARKS_OF_A_BATCH = 2  # the name "events"

Time = Annotated[datetime, msgspec.Meta(tz=True)]


class PlainEvent(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    timestamp: Time
    sensor_id: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SENSOR_ID)]
    event_content: Annotated[str, msgspec.Meta(max_length=MAX_CONTENT)]
    sensor_value: bool


class PlainBatch(msgspec.Struct, forbid_unknown_fields=True):
    events: Annotated[list[PlainEvent], msgspec.Meta(max_length=MAX_EVENTS)]
    sent_at: Time | msgspec.UnsetType = msgspec.UNSET


_decode = msgspec.json.Decoder(PlainBatch).decode


def read_plain(body: bytes, now: datetime) -> list[PlainEvent] | None:
    """The events of `body` when all may be stored and none is a panic; None when the long way must tell."""
    try:
        batch = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    events = batch.events
    sent_at = None if batch.sent_at is msgspec.UNSET else batch.sent_at
    if not _names_stand_once(body, len(events), sent_at is not None):
        return None
    if _find_finer(body) or _find_odd_plus(body) or _find_odd_minus(body):
        return None
    if is_skewed(sent_at, now):
        return None
    if not events:
        return events
    contents = {event.event_content for event in events}
    if not "".join([event.sensor_id for event in events]).isprintable() or not "".join(contents).isprintable():
        return None
    if any(content.startswith(PANICS) for content in contents):
        return None
    stamps = [event.timestamp for event in events]
    return events if max(stamps) <= now + FUTURE and min(stamps) >= now - PAST else None


def _names_stand_once(body: bytes, events: int, has_sent_at: bool) -> bool:
    """Whether no name stands twice in an object, which the decoder does not tell.

    It has found every name that must be there and no other, so a second one shows in the number of quotation marks:
    each begins or ends a text, as long as none is written with a backslash inside one.
    """
    if b"\\" in body and (b'\\"' in body or b"\\\\" in body):
        return False
    return body.count(b'"') == MARKS_OF_AN_EVENT * events + MARKS_OF_A_BATCH + (4 if has_sent_at else 0)
