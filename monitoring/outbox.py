"""The outbox: what staff are to hear, written with the fact; one sequencer gives committed rows their place in the log.

A sequence number taken at insert would show gaps that fill later (transactions commit in another order than they
began), and a reader that had passed the gap would miss a message. So numbers are given afterwards, under an advisory
lock held until commit: whoever sees number n has been able to see all below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from devices import hints

from .emergency_json import as_json
from .models import AlertDelivery, EmergencyLog, Outbox
from .notification import planning
from .recipients import grant_access

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seniors.models import Staff

SEQUENCER_LOCK = 0x616E6275
UNNUMBERED = "SELECT EXISTS (SELECT 1 FROM emergency_outbox WHERE seq IS NULL)"
# One journey and one transaction: the lock is held until the numbers are committed, and the second statement sees what
# was committed while the first one waited.
STAMP = f"""
    SELECT pg_advisory_xact_lock({SEQUENCER_LOCK});
    UPDATE emergency_outbox SET seq = stamped.seq
    FROM (
        SELECT id, (SELECT coalesce(max(seq), 0) FROM emergency_outbox) + row_number() OVER (ORDER BY id) AS seq
        FROM emergency_outbox WHERE seq IS NULL
    ) AS stamped
    WHERE emergency_outbox.id = stamped.id
"""  # noqa: S608 - a number of our own


def announce(
    log: EmergencyLog,
    kind: str,
    *,
    alert: Iterable[Staff] = (),
    reason: str = "",
    every_channel: bool = False,
) -> Outbox:
    """Writes what happened to `log` into the outbox, with one delivery a person in `alert`; inside the transaction
    of the fact. Their other channels follow one after another, or with `every_channel` now."""
    is_new = kind == "raised"  # it was made a moment ago: its row is known, and nobody has heard of it
    if not is_new:
        log.refresh_from_db()
    row = Outbox.objects.create(log=log, senior_id=log.senior_id, kind=kind, emergency=as_json(log))
    receivers = list(alert)
    strangers = grant_access(receivers, log.senior_id, log.log_id)
    heard = set() if is_new else set(AlertDelivery.objects.filter(log=log).values_list("staff_id", flat=True))
    deliveries = AlertDelivery.objects.bulk_create(
        AlertDelivery(
            log=log,
            staff=person,
            outbox=row,
            reason=reason or kind,
            opens=person.pk not in heard and (kind == "raised" or person.pk in strangers),
        )
        for person in receivers
    )
    is_over = log.status == EmergencyLog.Status.RESOLVED
    planning.plan_alerts(
        log,
        deliveries,
        is_new=is_new,
        every_channel=every_channel,
        tells_family=is_over or "raised" in (kind, reason),
    )
    hints.send_hint_on_commit(hints.STAFF_FEED)
    return row


def ask_owner(log: EmergencyLog) -> Outbox:
    """Writes the question to the owner whether they are still on it; inside the transaction that set its end."""
    row = Outbox.objects.create(
        log=log,
        senior_id=log.senior_id,
        kind="ask",
        emergency=as_json(log),
        only_for=log.acknowledged_by,
        expires_at=log.ask_expires_at,
    )
    planning.plan_question(log, log.acknowledged_by, log.ask_expires_at)
    hints.send_hint_on_commit(hints.STAFF_FEED)
    return row


def stamp_sequence() -> int:
    """Numbers the committed rows that have none yet, in the order they were written; how many those were."""
    with connection.cursor() as cursor:
        cursor.execute(UNNUMBERED)
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(STAMP)
        cursor.nextset()  # the lock answers first
        return int(cursor.rowcount)
