"""The sweeps on which lives hang: each second, by the database's clock, with rows claimed by their own conditional
UPDATE, so that two watchdogs never do a thing twice."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections
from prometheus_client import Counter as Metric
from prometheus_client import Gauge

from devices import presence, safety_checks

from . import absences, alerting, automatic_checks, escalation, fault_alerts, ownership
from .outbox import stamp_sequence
from .risk import age_risks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = structlog.get_logger(__name__)
INTERVAL_S = 1.0
OUTAGE = (OperationalError, InterfaceError)
SWEPT = Metric("anbu_watchdog_swept_total", "Rows that the watchdog moved on", ["sweep"])
FAILED = Metric("anbu_watchdog_failed_total", "Steps of the watchdog that failed", ["sweep"])
LAST_SWEEP = Gauge("anbu_watchdog_last_sweep_seconds", "When the last sweep ended, Unix time")


def steps(*, judge_hubs: bool) -> Iterator[tuple[str, Callable[[], int]]]:
    """What there is to do now, by the name of its sweep; each step tells how many rows it moved."""
    yield "sequenced", stamp_sequence
    for log_id in alerting.tests_overdue():
        yield "tests_overdue", partial(alerting.ring_for_real, log_id)
    yield from ownership.due_steps()
    for log_id in escalation.due_to_climb():
        yield "climbed", partial(escalation.climb, log_id)
    yield "checks_expired", lambda: len(safety_checks.expire_due())
    if judge_hubs:
        yield "hubs_silent", lambda: len(presence.sweep_offline())
    yield from absences.due_steps()
    yield from automatic_checks.due_steps()
    yield from fault_alerts.due_steps()
    yield "risks_aged", age_risks


def sweep(*, judge_hubs: bool = True) -> Counter[str]:
    """One round; how many rows each sweep moved. Raises django.db.Error when the database is away.

    `judge_hubs` False leaves silent hubs as they are: nobody could have heard them.
    """
    done: Counter[str] = Counter()
    for name, step in steps(judge_hubs=judge_hubs):
        try:
            done[name] += step()
        except OUTAGE:
            raise
        except Exception:  # one row that cannot be moved must not keep the others from theirs
            FAILED.labels(name).inc()
            log.exception("a step of the watchdog failed", sweep=name)
    for name, count in done.items():
        SWEPT.labels(name).inc(count)
    LAST_SWEEP.set_to_current_time()
    return done


def run(is_stopping: Callable[[], bool], is_backend_away: Callable[[], bool] = lambda: False) -> None:
    """Sweeps until told to stop. While the database is away it waits; while hubs cannot reach us none is called silent.
    After either they get the time to come back."""
    reached_at: float | None = None  # when hubs could reach us last
    is_graced = False
    while not is_stopping():
        began = time.monotonic()
        try:
            close_old_connections()
            is_away = is_backend_away()
            if not is_away and not is_graced:
                presence.grant_grace(None if reached_at is None else began - reached_at)
            is_graced = not is_away
            done = {name: count for name, count in sweep(judge_hubs=not is_away).items() if count}
            if not is_away:
                reached_at = time.monotonic()
            if done:
                log.info("swept", **done)
        except OUTAGE as error:
            log.warning("the database is away; waiting", error=str(error))
            is_graced = False
        time.sleep(max(0.0, INTERVAL_S - (time.monotonic() - began)))
