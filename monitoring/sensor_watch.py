"""Looks at the sensors of homes that are online, each home once in half an hour, and keeps their faults true.

It reads the time-series database, which may be slow or away: so it runs beside the watchdog's sweeps, on a thread of
its own (`run`), and holds up none of them.
"""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction

from devices import faults
from devices.models import Fault
from devices.sensor_health import HISTORY_HOURS, Health, judge_sensors

from .models import SensorHour
from .sensor_events import hubs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from devices.sensor_health import Verdict

log = structlog.get_logger(__name__)
INTERVAL_S = 2.0
AGAIN_AFTER_S = 1800
HOMES_A_ROUND = 20
HOUR_S = 3600
KINDS = {Health.DEAD: Fault.Kind.SENSOR_DEAD, Health.CHATTERING: Fault.Kind.SENSOR_CHATTERING}
CLAIM = """
    UPDATE iot_hubs SET sensors_due_at = statement_timestamp() + make_interval(secs => %s)
    WHERE hub_id IN (
        SELECT hub_id FROM iot_hubs
        WHERE status = 'online' AND deregistered_at IS NULL AND sensors_due_at <= statement_timestamp()
        ORDER BY sensors_due_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
    RETURNING hub_id, senior_id
"""


def sweep() -> int:
    """Judges the homes that are due, and raises and clears their sensors' faults; returns how many homes.

    Raises django.db.Error when a database is away; the homes of that round have their turn half an hour later.
    """
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [AGAIN_AFTER_S, HOMES_A_ROUND])
        due = cursor.fetchall()
    now = datetime.now(UTC)
    for hub_id, senior_id in due:
        verdicts = judge_sensors(read_hours(hubs_of(senior_id), now), int(now.timestamp()) // HOUR_S)
        keep_faults(hub_id, verdicts)
    return len(due)


def read_hours(hub_ids: list[int], now: datetime) -> dict[str, dict[int, int]]:
    """Events of each sensor by hour since 1970, as `judge_sensors` takes them. A replaced hub's events count too."""
    since = now - timedelta(hours=HISTORY_HOURS)
    rows = SensorHour.objects.filter(hub_id__in=hub_ids, bucket__gte=since, bucket__lte=now)
    hours: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for bucket, sensor_id, events in rows.values_list("bucket", "sensor_id", "events"):
        hours[sensor_id][int(bucket.timestamp()) // HOUR_S] += events
    return hours


@transaction.atomic
def keep_faults(hub_id: int, verdicts: Mapping[str, Verdict]) -> None:
    """Opens what was found and clears what is no longer so, also of sensors that are no part of the home any more."""
    found = {(KINDS[verdict.health], sensor) for sensor, verdict in verdicts.items() if verdict.health in KINDS}
    lasting = Fault.objects.filter(hub_id=hub_id, kind__in=KINDS.values(), cleared_at=None)
    known = {(Fault.Kind(kind), sensor) for kind, sensor in lasting.values_list("kind", "sensor_id")}
    for kind, sensor in found - known:
        faults.raise_fault(hub_id, kind, sensor)
        log.info("sensor fault raised", hub_id=hub_id, kind=kind, sensor_id=sensor, **verdicts[sensor]._asdict())
    for kind, sensor in known - found:
        faults.clear_fault(hub_id, kind, sensor)


def run(is_stopping: Callable[[], bool]) -> None:
    """Sweeps until told to stop; a database that is away is waited for."""
    while not is_stopping():
        judged = 0
        try:
            close_old_connections()
            judged = sweep()
        except (OperationalError, InterfaceError) as error:
            log.warning("sensors cannot be judged, a database is away", error=str(error))
        except Exception:  # one home that cannot be judged must not end the watch over the others
            log.exception("the sensors of a home could not be judged")
        if not judged:
            time.sleep(INTERVAL_S)
