"""One senior's weights laid open: what they allow, and the moment at which they would speak."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from .activity import read_horizon, read_last_activity
from .artifact import LARGEST
from .detector import find_alarm_times
from .features import DAY, HOUR, to_epoch, to_local
from .object_store import read_object
from .silence_weights import unpack_silences
from .training import read_hubs
from .weight_store import check_digest

if TYPE_CHECKING:
    from .models import AIWeight


@dataclass(frozen=True)
class Inspection:
    """Lists have 24 values, in seconds, one per hour of the day. The last four are None while no event is known."""

    version: int
    weight_id: int
    allowed_s: list[float]
    longest_s: list[float]
    allowed_now_s: float
    last_event_at: datetime | None
    silent_s: float | None
    alarm_at: datetime | None


def inspect_weights(weight: AIWeight) -> Inspection:
    """Reads the original. Raises ObjectMissing, ObjectStoreAway, UnreadableWeights, ForeignWeights."""
    data = read_object(weight.storage_path, LARGEST)
    check_digest(data, weight.sha256, weight.size)
    _, silences = unpack_silences(data, weight.senior_id)
    now = read_horizon().now
    hour = int(float(to_local(np.array(now))) % DAY // HOUR)
    activity = read_last_activity(read_hubs([weight.senior_id]).get(weight.senior_id, []))
    last = max(activity.values(), default=None)
    alarm: datetime | None = None
    if last is not None:
        moment = find_alarm_times(to_local(np.array([last])), silences.allowed[None, :])
        alarm = datetime.fromtimestamp(float(to_epoch(moment)[0]), UTC)
    return Inspection(
        version=weight.version,
        weight_id=weight.pk,
        allowed_s=[float(value) for value in silences.allowed],
        longest_s=[float(value) for value in silences.longest],
        allowed_now_s=float(silences.allowed[hour]),
        last_event_at=datetime.fromtimestamp(last, UTC) if last is not None else None,
        silent_s=now - last if last is not None else None,
        alarm_at=alarm,
    )
