"""One senior's weights laid open: what they allow, and the moment at which they would speak."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from .activity import read_horizon, read_tracks
from .artifact import LARGEST
from .detector import begin_silences, find_alarm_times, find_usual_silences
from .features import DAY, HOUR, to_epoch, to_local
from .habit_weights import unpack_habits
from .habits import repeat_habits
from .judgement import find_alarms
from .object_store import read_object
from .tracks import find_last
from .training import read_hubs
from .weight_store import check_digest

if TYPE_CHECKING:
    from .models import AIWeight


@dataclass(frozen=True)
class Inspection:
    """Lists have 24 values, in seconds, one per hour of the day. The last three are None while no event is known.

    `allowed_s`: how long a silence may last that begins at that hour, somebody being at home. `longest_s`: the usual
    longest silence at that hour. `alarm_at` is the moment at which the present silence becomes an emergency.
    """

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
    _, habits = unpack_habits(data, weight.senior_id)
    now = read_horizon().now
    hour = int(float(to_local(np.array(now))) % DAY // HOUR)
    hours = HOUR * np.arange(24.0)
    by_hour = repeat_habits(habits, 24)
    allowed = find_alarm_times(begin_silences(hours, np.zeros(24, dtype=np.bool_)), by_hour) - hours
    tracks = read_tracks(read_hubs([weight.senior_id]).get(weight.senior_id, []))
    last = float(to_epoch(find_last(tracks))[0]) if find_last(tracks)[0] else None
    alarm: datetime | None = None
    if last is not None:
        moment = find_alarms(tracks, repeat_habits(habits, 1), float(to_local(np.array(now))))
        alarm = datetime.fromtimestamp(float(to_epoch(moment)[0]), UTC)
    return Inspection(
        version=weight.version,
        weight_id=weight.pk,
        allowed_s=[round(float(value), 3) for value in allowed],
        longest_s=[round(float(value), 3) for value in find_usual_silences(hours, by_hour)],
        allowed_now_s=round(float(allowed[hour]), 3),
        last_event_at=datetime.fromtimestamp(last, UTC) if last is not None else None,
        silent_s=now - last if last is not None else None,
        alarm_at=alarm,
    )
