"""The access log's seals: rows are appended freely, and each minute what is there is sealed into a chain of digests.

A digest is an HMAC over the one before it and over every row of its batch, keyed by a secret that the database does not
hold: whoever changes, removes or slips in a sealed row cannot make the chain fit again.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from .models import AccessLog, AccessSeal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

log = structlog.get_logger(__name__)
SEALER_LOCK = 0x616E7365
BATCH = 5_000
SEALED_WITHIN = timedelta(minutes=10)  # a row that is older and has no seal says that nobody seals


@dataclass
class Verification:
    """`problems` are sentences; none is good. `head` is the newest digest: kept elsewhere, it shows a cut-off end."""

    seals: int = 0
    rows: int = 0
    unsealed: int = 0
    head: str = ""
    problems: list[str] = field(default_factory=list)


@transaction.atomic
def seal_entries() -> int:
    """Seals the rows that have no seal yet, at most 5,000; how many those were."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEALER_LOCK])  # one chain, whoever else seals
    rows = list(AccessLog.objects.filter(seal=None).order_by("id")[:BATCH])
    if not rows:
        return 0
    last = AccessSeal.objects.order_by("-seal_id").first()
    previous = last.digest if last else ""
    seal = AccessSeal.objects.create(rows=len(rows), previous=previous, digest=digest_of(previous, rows))
    AccessLog.objects.filter(pk__in=[row.pk for row in rows]).update(seal=seal)
    # the log goes elsewhere than the database: an end of the chain that was cut off is missed there
    log.info("access log sealed", seal=seal.seal_id, rows=seal.rows, digest=seal.digest)
    return len(rows)


def seal_all() -> int:
    """Until no full batch is left; how many rows were sealed."""
    sealed = seal_entries()
    return sealed + seal_all() if sealed >= BATCH else sealed


def verify(head: str = "") -> Verification:
    """Reads the whole chain again. `head` is a digest that was noted once and must be in it."""
    found = Verification()
    previous: str | None = None
    heads = set()
    for seal in AccessSeal.objects.order_by("seal_id").iterator():
        found.seals += 1
        heads.add(seal.digest)
        if seal.previous != (previous or ""):
            found.problems.append(
                f"seal {seal.seal_id} does not follow the one before it: a seal was removed or changed"
            )
        previous = seal.digest
        if seal.pruned_at is None:
            found.problems += _check_rows(seal, found)
    found.head = previous or ""
    if head and head not in heads:
        found.problems.append("the digest that was asked for is not in the chain: its end was cut off or made anew")
    late = AccessLog.objects.filter(seal=None, accessed_at__lt=Now() - SEALED_WITHIN).count()
    found.unsealed = AccessLog.objects.filter(seal=None).count()
    if late:
        found.problems.append(f"{late} rows have waited for a seal for over ten minutes: does the watchdog run?")
    return found


def digest_of(previous: str, rows: Iterable[AccessLog]) -> str:
    """Of a batch: 64 hexadecimal digits."""
    key = hmac.digest(settings.ANBU_KEY_PEPPER.encode(), b"seals of the access log", "sha256")
    mac = hmac.new(key, previous.encode(), "sha256")
    for line in map(spell, rows):
        mac.update(b"\n" + line)
    return mac.hexdigest()


def spell(row: AccessLog) -> bytes:
    """All that a row says, in one way only."""
    columns: list[Any] = [
        row.pk,
        row.accessed_at.astimezone(UTC).isoformat(timespec="microseconds"),
        row.staff_id,
        row.senior_id,
        row.action,
        row.reason,
        row.address,
        row.detail,
    ]
    return json.dumps(columns, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _check_rows(seal: AccessSeal, found: Verification) -> Iterator[str]:
    rows = list(AccessLog.objects.filter(seal=seal).order_by("id"))
    found.rows += len(rows)
    if len(rows) != seal.rows:
        yield f"seal {seal.seal_id} holds {len(rows)} rows, and held {seal.rows}: rows were removed or slipped in"
    elif not hmac.compare_digest(digest_of(seal.previous, rows), seal.digest):
        first, last = rows[0].pk, rows[-1].pk
        yield f"seal {seal.seal_id} does not fit its rows {first} to {last}: one of them, or the seal, was changed"
