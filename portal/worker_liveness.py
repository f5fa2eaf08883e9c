"""A Celery worker that no longer takes what waits for it ends itself, so that its supervisor starts it anew.

When Redis dies in the very moment in which a task is acknowledged, Celery 5.7 logs the failed acknowledgement and never
listens to its queue again, though Redis is back a second later. A worker that nobody restarts would score nobody.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import structlog
from celery.signals import worker_ready
from celery.worker import state
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = structlog.get_logger(__name__)
LOOK_S = 3.0
DEAF_AFTER_S = 20.0
EXIT_DEAF = 75  # EX_TEMPFAIL: try again


class Listening:
    """Judges from looks: whether something waits, and whether the worker has something to do. Times are monotonic."""

    def __init__(self) -> None:
        self._ignored_since: float | None = None

    def is_deaf(self, now: float, *, waiting: bool, busy: bool) -> bool:
        """True once tasks have waited for DEAF_AFTER_S beside a worker that has nothing to do."""
        if not waiting or busy:
            self._ignored_since = None
            return False
        if self._ignored_since is None:
            self._ignored_since = now
        return now - self._ignored_since >= DEAF_AFTER_S


def watch(queues: Iterable[str], end: Callable[[], None]) -> None:
    """Looks until the worker is deaf, then calls `end`."""
    names, listening = list(queues), Listening()
    redis = Redis.from_url(settings.REDIS_URL, socket_timeout=3, socket_connect_timeout=3)
    while True:
        time.sleep(LOOK_S)
        try:
            waiting = any(redis.llen(name) for name in names)
        except RedisError:  # nothing can be taken now
            listening = Listening()
            continue
        busy = bool(state.reserved_requests or state.active_requests)
        if listening.is_deaf(time.monotonic(), waiting=waiting, busy=busy):
            log.error("tasks wait and the worker does not take them: it ends, to be started anew", queues=names)
            end()
            return


@worker_ready.connect
def begin(sender: Any, **kwargs: Any) -> None:
    """`sender` is the worker's consumer; the watch lives in the worker's main process."""
    queues = list(sender.app.amqp.queues.consume_from)
    threading.Thread(target=watch, args=(queues, lambda: os._exit(EXIT_DEAF)), name="liveness", daemon=True).start()
