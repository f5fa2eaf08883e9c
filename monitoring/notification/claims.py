"""The sender's side of the rows: claimed by a lease, settled by whoever holds it, each try written down.

A row is claimed, then sent, then settled: whoever dies in between lets its lease run out, and the next one sends it
again. A message may so come twice, never not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from .failures import AddressGone, SendingFailed, TryAgain
from .models import Notification, NotificationAttempt, Purpose
from .quiet_hours import HELD, end_of_quiet
from .relevance import why_stopped
from .retries import next_try_s

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from .message import Accepted, Report

LEASE = timedelta(seconds=30)
# a carrier is asked so long after a message was taken, each time, until it is too late to matter
REPORT_EACH = timedelta(seconds=10)
REPORT_WITHIN = timedelta(minutes=10)
State, Result = Notification.State, NotificationAttempt.Result


@dataclass(frozen=True)
class Claim:
    """A row and the end of the lease, by which only its holder can settle it."""

    notification: Notification
    until: datetime


def kinds_due() -> tuple[set[str], set[str]]:
    """The kinds of which messages are due, and those of which reports are: one look, several times a second."""
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=Now())
    due = Notification.objects.filter(Q(state=State.WAITING, due_at__lte=Now()) | Q(report_due_at__lte=Now()), free)
    rows = set(due.order_by().values_list("kind", "state").distinct())
    return {kind for kind, state in rows if state == State.WAITING}, {
        kind for kind, state in rows if state != State.WAITING
    }


def claim_due(kind: str, limit: int) -> list[Claim]:
    """Up to `limit` due messages of that kind that still matter; what no longer does is stopped, what is held by
    quiet hours put off."""
    due = _lease(Q(state=State.WAITING, due_at__lte=Now(), kind=kind), limit)
    return [claim for claim in due if _is_to_send(claim)]


def claim_reports(kind: str, limit: int) -> list[Claim]:
    """Messages of which the carrier is to be asked whether they arrived."""
    return _lease(Q(report_due_at__lte=Now(), kind=kind), limit)


def settle_sent(claim: Claim, accepted: Accepted, took_ms: int, *, is_reported: bool) -> None:
    changes: dict[str, Any] = {
        "state": State.SENT,
        "sent_at": Now(),
        "carrier_id": accepted.carrier_id[:200],
        "tries": F("tries") + 1,
    }
    if claim.notification.purpose == Purpose.CODE:
        changes["values"] = {}  # a code is for its address alone
    if is_reported and accepted.carrier_id:
        changes["report_due_at"] = Now() + REPORT_EACH
    if _held(claim).update(claimed_until=None, **changes):
        _note(claim, Result.SENT, accepted.code, took_ms=took_ms)


@transaction.atomic
def settle_failed(claim: Claim, failure: SendingFailed, took_ms: int) -> None:
    """Again later, or never: then the person's next channel is used at once, and an address that is gone is removed."""
    notification = claim.notification
    tries = notification.tries + 1
    wait = next_try_s(notification.purpose, tries, failure.after_s) if isinstance(failure, TryAgain) else None
    if wait is not None:
        due = {"due_at": Now() + timedelta(seconds=wait), "tries": tries, "claimed_until": None}
        if _held(claim).update(**due):
            _note(claim, Result.AGAIN, failure.code, failure.detail, took_ms)
            if tries == 1:
                hasten_next_channel(notification)
        return
    if _held(claim).update(state=State.FAILED, tries=tries, claimed_until=None):
        gone = isinstance(failure, AddressGone)
        _note(claim, Result.GONE if gone else Result.REFUSED, failure.code, failure.detail, took_ms)
        hasten_next_channel(notification)
        if gone and notification.endpoint:
            notification.endpoint.delete()


@transaction.atomic
def settle_report(claim: Claim, report: Report) -> None:
    """Arrived, or to be asked again until it no longer matters."""
    if report.has_arrived:
        if _held(claim).update(received_at=Now(), report_due_at=None, claimed_until=None):
            _note(claim, Result.RECEIVED, report.code)
        return
    matters = _held(claim).filter(sent_at__gt=Now() - REPORT_WITHIN)
    if not matters.update(report_due_at=Now() + REPORT_EACH, claimed_until=None):
        _held(claim).update(report_due_at=None, claimed_until=None)


@transaction.atomic
def settle_lost(claim: Claim, failure: SendingFailed) -> None:
    """The carrier took it and could not deliver it."""
    if isinstance(failure, TryAgain):
        _held(claim).update(report_due_at=Now() + REPORT_EACH, claimed_until=None)
    elif _held(claim).update(state=State.FAILED, report_due_at=None, claimed_until=None):
        _note(claim, Result.LOST, failure.code, failure.detail)
        hasten_next_channel(claim.notification)


def stop_called_off(limit: int = 200) -> int:
    """Alerts whose emergency is taken or over: stopped as soon as it is so, not only when they come due."""
    waiting = Notification.objects.filter(
        Q(log__status="resolved") | Q(log__status="acknowledged", delivery__created_at__lte=F("log__acknowledged_at")),
        state=State.WAITING,
        delivery__isnull=False,
    )
    count = 0
    for notification in waiting.select_related("log", "delivery", "staff", "endpoint")[:limit]:
        count += _stop(notification, why_stopped(notification) or "taken")
    return count


def hasten_next_channel(notification: Notification) -> None:
    """What waits for the same person about the same emergency need not wait for a channel that does not work."""
    if notification.log_id is None or notification.staff_id is None:
        return
    others = Notification.objects.filter(
        staff_id=notification.staff_id, log_id=notification.log_id, state=State.WAITING, tries=0, due_at__gt=Now()
    ).exclude(pk=notification.pk)
    following = others.order_by("due_at").values_list("pk", flat=True).first()
    if following:
        Notification.objects.filter(pk=following, state=State.WAITING).update(due_at=Now())


def _lease(due: Q, limit: int) -> list[Claim]:
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=Now())
    with transaction.atomic():
        rows = Notification.objects.select_for_update(skip_locked=True).filter(due, free).order_by("due_at")
        ids = list(rows.values_list("pk", flat=True)[:limit])
        if not ids:
            return []
        Notification.objects.filter(pk__in=ids).update(claimed_until=Now() + LEASE)
    claimed = Notification.objects.select_related("staff", "endpoint", "log", "delivery", "notice").filter(pk__in=ids)
    return [Claim(row, row.claimed_until) for row in claimed if row.claimed_until]


def _is_to_send(claim: Claim) -> bool:
    notification = claim.notification
    if reason := why_stopped(notification):
        _stop(notification, reason)
        return False
    endpoint = notification.endpoint
    if endpoint is None or notification.purpose not in HELD:
        return True
    until = end_of_quiet(endpoint.quiet_from, endpoint.quiet_until, _seoul_now())
    if until is None:
        return True
    if _held(claim).update(due_at=until, claimed_until=None):
        _note(claim, Result.PUT_OFF)
    return False


def _stop(notification: Notification, reason: str) -> int:
    waiting = Notification.objects.filter(pk=notification.pk, state=State.WAITING)
    stopped = waiting.update(state=State.STOPPED, claimed_until=None)
    if stopped:
        NotificationAttempt.objects.create(notification=notification, result=Result.STOPPED, detail=reason)
    return stopped


def _held(claim: Claim) -> QuerySet[Notification]:
    return Notification.objects.filter(pk=claim.notification.pk, claimed_until=claim.until)


def _note(claim: Claim, result: str, code: str = "", detail: str = "", took_ms: int | None = None) -> None:
    NotificationAttempt.objects.create(
        notification=claim.notification, result=result, code=code[:64], detail=detail[:300], took_ms=took_ms
    )


def _seoul_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        now: datetime = cursor.fetchone()[0]
    return now.astimezone(ZoneInfo(settings.TIME_ZONE))
