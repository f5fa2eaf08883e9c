"""Sends what is due, beside the watchdog's sweeps: one thread looks at the rows, and each message is carried by a
thread of its own, a few a channel, so that a carrier that hangs delays neither the sweeps nor the other channels."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connections
from django.utils.translation import gettext as _
from prometheus_client import Counter as Metric
from prometheus_client import Histogram

from . import claims
from .carriers import CARRIERS
from .failures import ChannelRefused, Refused, SendingFailed, TryAgain
from .message import Accepted, Address, Report
from .models import ChannelKind, Purpose
from .operators import tell_operators
from .words import compose

if TYPE_CHECKING:
    from collections.abc import Callable

    from .claims import Claim

log = structlog.get_logger(__name__)
LOOK_S = 0.4
AT_ONCE = 4  # messages under way, a channel
OUTAGE = (OperationalError, InterfaceError)
SENT = Metric("anbu_notifications_total", "Messages by channels beyond the page", ["kind", "result"])
TOOK = Histogram("anbu_notification_seconds", "How long a carrier took", ["kind"])


@dataclass(frozen=True)
class Outcome:
    claim: Claim
    result: Accepted | Report | SendingFailed
    took_ms: int
    is_report: bool = False


class Sender:
    def __init__(self) -> None:
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._under_way: Counter[str] = Counter()

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Until told to stop; while the database is away it waits."""
        while not is_stopping():
            try:
                close_old_connections()
                self.look()
            except OUTAGE as error:
                log.warning("the database is away; notifications wait", error=str(error))
                time.sleep(1)
            except Exception:  # alone sends notifications: one bad row must not silence every channel
                log.exception("a look for notifications failed")
                time.sleep(1)
            self._settle(LOOK_S)
        connections.close_all()

    def look(self) -> int:
        """Starts whatever is due and there is room for; how many those were."""
        claims.stop_called_off()
        to_send, to_ask = claims.kinds_due()
        started = 0
        for kind in to_send:
            for claim in claims.claim_due(kind, self._room(kind)):
                self._start(claim, partial(_send, claim))
                started += 1
        for kind in to_ask:
            for claim in claims.claim_reports(kind, self._room(kind)):
                self._start(claim, partial(_ask, claim), is_report=True)
                started += 1
        return started

    def finish(self, within_s: float) -> None:
        """Settles what is under way; for whoever wants to wait for it."""
        deadline = time.monotonic() + within_s
        while self._under_way.total() and time.monotonic() < deadline:
            self._settle(0.05)

    def _room(self, kind: str) -> int:
        return max(0, AT_ONCE - self._under_way[kind])

    def _start(self, claim: Claim, carry: Callable[[], Accepted | Report], *, is_report: bool = False) -> None:
        self._under_way[claim.notification.kind] += 1
        # a daemon: an end of the process must not wait for a carrier, and the lease hands the message on
        threading.Thread(target=self._carry, args=(claim, carry, is_report), daemon=True).start()

    def _carry(self, claim: Claim, carry: Callable[[], Accepted | Report], is_report: bool) -> None:
        began = time.monotonic()
        result: Accepted | Report | SendingFailed
        try:
            result = carry()
        except SendingFailed as failure:
            result = failure
        except Exception as error:  # what a carrier's library did not foresee is tried again, and its slot comes free
            log.exception("a carrier failed in a way of its own", kind=claim.notification.kind)
            result = TryAgain(type(error).__name__)
        self._outcomes.put(Outcome(claim, result, int((time.monotonic() - began) * 1000), is_report))

    def _settle(self, within_s: float) -> None:
        """Writes down what came back, waiting a little for the first."""
        try:
            outcome = self._outcomes.get(timeout=within_s)
            while True:
                self._under_way[outcome.claim.notification.kind] -= 1
                settle(outcome)
                outcome = self._outcomes.get_nowait()
        except queue.Empty:
            return
        except OUTAGE as error:
            log.warning("the database is away; the lease hands a message on", error=str(error))


def settle(outcome: Outcome) -> None:
    claim, result = outcome.claim, outcome.result
    kind = claim.notification.kind
    if isinstance(result, SendingFailed):
        _settle_failure(outcome, kind, result)
    elif isinstance(result, Report):
        claims.settle_report(claim, result)
    else:
        TOOK.labels(kind).observe(outcome.took_ms / 1000)
        claims.settle_sent(claim, result, outcome.took_ms, is_reported=CARRIERS[kind].report is not None)
        SENT.labels(kind, "sent").inc()


def _settle_failure(outcome: Outcome, kind: str, failure: SendingFailed) -> None:
    claim = outcome.claim
    log.info("not sent", kind=kind, code=failure.code, detail=failure.detail, purpose=claim.notification.purpose)
    if outcome.is_report:
        claims.settle_lost(claim, failure)
        SENT.labels(kind, "lost").inc()
    else:
        claims.settle_failed(claim, failure, outcome.took_ms)
        SENT.labels(kind, "again" if isinstance(failure, TryAgain) else "refused").inc()
    if isinstance(failure, ChannelRefused) and claim.notification.purpose != Purpose.OPERATOR:
        text = _("%(channel)s 채널이 우리를 거절합니다(%(code)s). 설정이나 잔액을 확인해 주십시오.")
        channel = ChannelKind(kind).label
        tell_operators(f"channel.{kind}", text % {"channel": channel, "code": failure.code})


def address_of(claim: Claim) -> Address:
    """Where a message goes: its endpoint, or an operator's address. Empty when it has none any more."""
    notification = claim.notification
    if notification.endpoint:
        return Address(notification.endpoint.address, notification.endpoint.keys)
    if notification.kind == ChannelKind.APPRISE:
        urls = dict(enumerate(settings.ANBU_OPERATOR_URLS))
        return Address(urls.get(int(notification.address or -1), ""))
    return Address(notification.address)


def _send(claim: Claim) -> Accepted:
    """Composed here, so that one that cannot be put into words fails by itself and not for all."""
    carrier, address = CARRIERS[claim.notification.kind], address_of(claim)
    if not address.value:
        raise Refused("no_address", "the address was removed")
    if not carrier.is_configured():
        raise Refused("not_configured", "this channel is not set up here")
    return carrier.send(address, compose(claim.notification))


def _ask(claim: Claim) -> Report:
    report = CARRIERS[claim.notification.kind].report
    if report is None:
        return Report(has_arrived=False)
    return report(claim.notification.carrier_id)
