"""Consumes the stream `emergencies` into rows: an entry is acknowledged only after its row is committed."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import redis
import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections
from django.utils.translation import gettext as _
from prometheus_client import Counter
from redis.exceptions import RedisError, ResponseError

from .absences import mutes
from .alerting import Cause, UnknownSenior, raise_emergency
from .emergency_bus import DEAD, GROUP, STREAM, MalformedEntry, parse_entry
from .models import EmergencyLog, EmergencySource, Outcome
from .notification.operators import tell_operators
from .sensor_events import is_silent_since

if TYPE_CHECKING:
    from collections.abc import Callable

    from .emergency_bus import EmergencyDetected

log = structlog.get_logger(__name__)
BLOCK_MS = 1000  # and so the longest wait before it hears that it is to stop
CLAIM_AFTER_MS = 30_000
ENTRIES = Counter("anbu_emergency_entries_total", "Entries of the emergencies stream", ["result"])


class EmergencyListener:
    """One consumer of the group. `run` returns when `is_stopping` says so."""

    def __init__(self, redis_url: str, is_stopping: Callable[[], bool]) -> None:
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=10, socket_connect_timeout=3)
        self._is_stopping = is_stopping
        self._name = socket.gethostname()
        self._has_leftovers = True  # what this consumer had taken when its process died

    def run(self) -> None:
        while not self._is_stopping():
            try:
                self._take_leftovers()
                self._take_turn()
            except ResponseError as error:
                # a read that was blocked when the stream went away ends with the second
                if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                    raise
                self._make_group()
            except RedisError as error:
                log.warning("the stream is away; trying again", error=str(error))
                time.sleep(1)

    def _take_leftovers(self) -> None:
        while self._has_leftovers:
            answer: Any = self._redis.xreadgroup(GROUP, self._name, {STREAM: "0"}, count=50)
            entries = answer[0][1] if answer else []
            for entry_id, fields in entries:
                self._consume(entry_id, fields)
            self._has_leftovers = bool(entries)

    def _take_turn(self) -> None:
        claimed: Any = self._redis.xautoclaim(STREAM, GROUP, self._name, CLAIM_AFTER_MS, count=50)
        for entry_id, fields in claimed[1]:
            self._consume(entry_id, fields)
        answer: Any = self._redis.xreadgroup(GROUP, self._name, {STREAM: ">"}, count=50, block=BLOCK_MS)
        for _stream, entries in answer or []:
            for entry_id, fields in entries:
                self._consume(entry_id, fields)

    def _make_group(self) -> None:
        """The group is gone with a lost Redis. What is in the stream already is read from its beginning."""
        try:
            self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
            log.info("made the consumer group", group=GROUP)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def _consume(self, entry_id: bytes, fields: dict[bytes, bytes] | None) -> None:
        text = (fields or {}).get(b"json")
        try:
            found = parse_entry(text)
            is_raised = self._raise_when_database_is_there(found)
            ENTRIES.labels("taken" if is_raised else "muted").inc()
        except (MalformedEntry, UnknownSenior) as error:
            ENTRIES.labels("dead").inc()
            log.error("an emergency entry cannot be taken", entry=entry_id.decode(), reason=str(error))
            self._redis.xadd(
                DEAD, {"json": text or b"", "reason": str(error), "entry": entry_id}, maxlen=10_000, approximate=True
            )
            tell_of_dead_entry(str(error))
        self._redis.xack(STREAM, GROUP, entry_id)
        self._redis.xdel(STREAM, entry_id)

    def _raise_when_database_is_there(self, found: EmergencyDetected) -> bool:
        """A database that is away is waited for: the entry stays pending, so a crash here loses nothing either."""
        while True:
            try:
                close_old_connections()
                return raise_finding(found)
            except (OperationalError, InterfaceError) as error:
                log.warning("the database is away; waiting", error=str(error))
                if self._is_stopping():
                    raise RedisError("stopping before the entry was taken") from error
                time.sleep(1)


def tell_of_dead_entry(reason: str) -> None:
    """The operators hear of it; with the database away the log alone keeps it."""
    text = _("AI가 보낸 응급 항목을 처리할 수 없어 %(stream)s에 두었습니다: %(reason)s")
    try:
        tell_operators("emergencies.dead", text % {"stream": DEAD, "reason": reason})
    except (OperationalError, InterfaceError) as error:
        log.warning("the operators could not be told", error=str(error))


def raise_finding(found: EmergencyDetected) -> bool:
    """Raises what a model found; False where the senior's absence mutes it. Raises UnknownSenior, django.db.Error."""
    if mutes(found.senior_id, found.event_type):
        return False
    raise_emergency(
        Cause(
            senior_id=found.senior_id,
            event_type=found.event_type,
            source=found.episode,
            severity=found.severity,
            description=found.description,
            occurred_at=found.occurred_at,
            detected_at=found.detected_at,
            weight_id=found.weight_id,
            is_episode=True,
            reasons=found.reasons,
            stage=found.stage,
            home_is_silent=_home_is_silent(found),
        )
    )
    return True


def _home_is_silent(found: EmergencyDetected) -> bool:
    """Asked only where it matters: the episode's emergency was resolved as a false alarm."""
    false_alarms = EmergencySource.objects.filter(source=found.episode, log__outcome=Outcome.FALSE_ALARM)
    known = false_alarms.select_related("log").first()
    if known is None or known.log.status != EmergencyLog.Status.RESOLVED or known.log.resolved_at is None:
        return False
    try:
        return is_silent_since(found.senior_id, known.log.resolved_at)
    except DatabaseError:
        return False
