"""One posted batch, from its bytes to its answer: the rule in one place for the ASGI path and for the DRF view."""

from __future__ import annotations

import zlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from django.conf import settings

from devices import presence
from devices.strict_json import MalformedJSON, parse_strict

from . import event_store, ingest, panic, plain_batches, senml

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from .copy_rows import Reading
    from .ingest import Panic, Rejection


class Answer(NamedTuple):
    status: int
    body: dict[str, Any]


class Batch(NamedTuple):
    """A request that was understood. The panics are raised whatever else becomes of it."""

    readings: Sequence[Reading]
    rejected: Sequence[Rejection]
    panics: Sequence[Panic]
    skew: timedelta | None  # the server's clock minus the hub's where that is too much: nothing is stored


class TooLarge(Exception):
    """More bytes or events than a request may have."""


def take_batch(
    hub_id: int, senior_id: int, body: bytes, arrived_at: datetime, content_type: str = "application/json"
) -> Answer:
    """Judges and keeps a batch, native JSON or SenML. 200 only when every accepted event is durable, and every panic's
    emergency before it.

    Raises django.db.Error when a database is away (503: the hub sends again, and that is harmless).
    """
    batch = read_batch(body, arrived_at, content_type)
    if isinstance(batch, Answer):
        return batch
    if batch.panics:
        panic.raise_panics(hub_id, senior_id, batch.panics, arrived_at, batch.skew)
    if batch.skew is not None:
        presence.mark_refused_post(hub_id, batch.skew)
        return clock_skew(arrived_at)
    accepted = event_store.store(hub_id, batch.readings)
    presence.mark_post(hub_id)
    return taken(batch, accepted, arrived_at)


def read_plain_batch(body: bytes, arrived_at: datetime, content_type: str) -> Batch | None:
    """A batch of native JSON in which all is well, quickly; None for any other."""
    if senml.is_senml(content_type):
        return None
    events = plain_batches.read_plain(body, arrived_at)
    return None if events is None else Batch(events, (), (), None)


def read_batch(body: bytes, arrived_at: datetime, content_type: str = "application/json") -> Batch | Answer:
    """A batch with a verdict for each event; the refusal of what is none."""
    try:
        events, sent_at = senml.read_body(parse_strict(body, check_values=False), content_type)
    except (MalformedJSON, ingest.MalformedBatch) as error:
        return refuse(400, "malformed", str(error))
    if len(events) > ingest.MAX_EVENTS:
        return refuse(413, "too_large", f"a request may have {ingest.MAX_EVENTS} events")
    verdicts = ingest.judge(events, arrived_at)
    skew = arrived_at - sent_at if sent_at is not None and ingest.is_skewed(sent_at, arrived_at) else None
    return Batch(verdicts.accepted, verdicts.rejected, verdicts.panics, skew)


def taken(batch: Batch, accepted: int, arrived_at: datetime) -> Answer:
    return Answer(
        200,
        {
            "accepted": accepted,
            "duplicates": len(batch.readings) - accepted,
            "rejected": [asdict(rejection) for rejection in batch.rejected] if batch.rejected else [],
            "server_time": arrived_at,
        },
    )


def clock_skew(arrived_at: datetime) -> Answer:
    detail = "sent_at is more than 60 s off; set the clock by server_time, shift the timestamps and send again"
    return refuse(409, "clock_skew", detail, server_time=arrived_at.isoformat())


def unpack(body: bytes, encoding: str) -> bytes:
    """The body as sent, or unzipped up to the limit. Raises TooLarge, MalformedJSON."""
    if len(body) > settings.MAX_BODY_BYTES:
        raise TooLarge
    if encoding in {"", "identity"}:
        return body
    if encoding != "gzip":
        raise MalformedJSON(f"Content-Encoding {encoding!r} is not taken; gzip is")
    unzip = zlib.decompressobj(wbits=31)
    try:
        plain = unzip.decompress(body, settings.MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise MalformedJSON("the body is not gzip") from error
    if len(plain) > settings.MAX_BODY_BYTES:
        raise TooLarge
    if not unzip.eof:
        raise MalformedJSON("the gzip body ends too soon")
    return plain


def refuse(status: int, code: str, detail: str, **members: Any) -> Answer:
    """Problem details (RFC 9457)."""
    titles = {400: "Bad request", 408: "Request timeout", 409: "Conflict", 413: "Content too large"}
    titles |= {429: "Too many requests", 503: "Service unavailable"}
    body = {"type": "about:blank", "title": titles[status], "status": status, "detail": detail, "code": code}
    return Answer(status, body | members)


def too_large() -> Answer:
    return refuse(413, "too_large", f"a request may have {settings.MAX_BODY_BYTES} bytes, unpacked")


def encode(answer: Answer) -> bytes:
    return msgspec.json.encode(answer.body)
