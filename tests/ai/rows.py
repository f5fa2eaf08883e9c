"""Rows and objects that the AI tests stand on: seniors with hubs that sensed something, weights in the real stores."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ai.calibration import FittedHabits
from ai.habit_weights import pack_habits
from ai.object_store import write_object
from ai.weight_registry import Application, register_weights
from ai.weight_store import WeightRef
from devices.models import IoTHub
from monitoring.models import IngestBatch, SensorLog
from seniors.models import Role, Senior
from tests.factories import make_staff

from .homes import make_habits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ai.models import AIWeight
    from seniors.models import Staff


def make_senior(name: str = "김순자", *, status: str | None = "online") -> Senior:
    """A senior, with a hub of that status unless it is None."""
    senior = Senior.objects.create(full_name=name, address="서울")
    if status is not None:
        IoTHub.objects.create(senior=senior, device_id=f"device-{senior.pk}", status=status)
    return senior


def make_supervisor() -> Staff:
    return make_staff(Role.SUPERVISOR)


def make_caseworker() -> Staff:
    return make_staff()


def sense(senior: Senior, moments: Iterable[datetime], content: str = "motion", *, late: bool = False) -> None:
    """Events of the senior's newest hub, and the batch that tells of them: sent at once, or kept and sent only now."""
    hub = senior.hubs.latest("hub_id")
    times = sorted(moments)
    SensorLog.objects.bulk_create(
        [
            SensorLog(hub_id=hub.pk, timestamp=at, sensor_id="living", sensor_value=True, event_content=content)
            for at in times
        ]
    )
    received_at = datetime.now(UTC) if late else times[-1] + timedelta(seconds=1)
    IngestBatch.objects.create(
        hub_id=hub.pk, first_at=times[0], last_at=times[-1], events=len(times), received_at=received_at
    )


def hours_ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def make_artifact(senior_id: int, allowed_hours: float = 2.0, **metrics: float) -> bytes:
    """Weights that allow the same silence at every hour of the day."""
    habits = make_habits(allowed_hours, allowed_hours / 2)
    fitted = FittedHabits(habits, {"false_alarms_per_week": 0.1, **metrics})
    return pack_habits(senior_id, fitted, "2026-10-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00")


def upload(senior_id: int, data: bytes) -> Application:
    """Puts the bytes where training would, and says so as training would."""
    sha256 = hashlib.sha256(data).hexdigest()
    path = f"weights/{senior_id}/{sha256[:16]}.anbu"
    write_object(path, data)
    return Application(
        senior_id=senior_id,
        storage_path=path,
        sha256=sha256,
        size=len(data),
        trained_from=datetime(2026, 10, 1, tzinfo=UTC),
        trained_to=datetime(2026, 11, 1, tzinfo=UTC),
        metrics={"false_alarms_per_week": 0.1},
    )


def make_live_weights(senior: Senior, allowed_hours: float = 2.0) -> AIWeight:
    weight, _ = register_weights(upload(senior.pk, make_artifact(senior.pk, allowed_hours)))
    return weight


def ref_of(weight: AIWeight) -> WeightRef:
    return WeightRef(weight.pk, weight.senior_id, weight.version, weight.storage_path, weight.sha256, weight.size)
