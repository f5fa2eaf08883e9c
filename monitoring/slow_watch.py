"""What has to be looked at now and then, beside the watchdog since it may wait for the time-series database."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections

from seniors.access_seal import seal_all

from . import absence_watch, auditor, roster_watch

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)
INTERVAL_S = 5.0
LOOKS: list[tuple[Callable[[], int], float]] = [(absence_watch.sweep, 5.0), (roster_watch.sweep, 30.0)]
LOOKS += [(seal_all, 60.0), (auditor.audit, 60.0)]


def run(is_stopping: Callable[[], bool]) -> None:
    """Each look in its turn until told to stop; a database that is away is waited for."""
    looked: dict[int, float] = {}
    while not is_stopping():
        for number, (look, each_s) in enumerate(LOOKS):
            now = time.monotonic()
            if now - looked.get(number, -each_s) < each_s:
                continue
            looked[number] = now
            try:
                close_old_connections()
                look()
            except (OperationalError, InterfaceError) as error:
                log.warning("a database is away; looking again later", error=str(error))
            except Exception:  # what cannot be judged must not end the watch over the rest
                log.exception("a look failed", look=look.__module__)
        time.sleep(INTERVAL_S)
