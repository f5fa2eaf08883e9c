"""A senior's last weeks, read for the replay: by the registry's gate, by shadow runs, and by the model's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .activity import read_horizon, read_life
from .artifact import LARGEST
from .excluded_spans import read_excluded_spans
from .features import DAY, to_local
from .habit_weights import unpack_habits
from .object_store import read_object
from .replay import WARM_UP_DAYS, trace_past
from .training import read_hubs
from .weight_store import check_digest

if TYPE_CHECKING:
    from datetime import datetime

    from .habits import Habits
    from .models import AIWeight
    from .replay import Past


def read_past(senior_id: int, days: float, since: datetime | None = None) -> Past:
    """The senior's last `days`, or what of them came after `since`, real emergencies and absences left out."""
    now = float(to_local(np.array(read_horizon().now)))
    start = now - days * DAY
    if since is not None:
        start = max(start, float(to_local(np.array(since.timestamp()))))
    life = read_life(read_hubs([senior_id]).get(senior_id, []), int(np.ceil(days)) + WARM_UP_DAYS)
    excluded = read_excluded_spans([senior_id], int(np.ceil(days))).get(senior_id)
    return trace_past(life, start, now, to_local(excluded) if excluded is not None else None)


def read_habits(weight: AIWeight) -> Habits:
    """From the original. Raises ObjectMissing, ObjectStoreAway, UnreadableWeights, ForeignWeights."""
    data = read_object(weight.storage_path, LARGEST)
    check_digest(data, weight.sha256, weight.size)
    return unpack_habits(data, weight.senior_id)[1]
