"""Celery tasks of the portal's worker: fetch, call, say in one line what was done."""

from __future__ import annotations

import structlog
from celery import shared_task

from . import care_schedule

log = structlog.get_logger(__name__)


@shared_task(name="monitoring.tasks.open_scheduled_tasks")
def open_scheduled_tasks() -> None:
    log.info("scheduled calls and visits opened", tasks=care_schedule.open_due())
