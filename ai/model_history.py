"""What the weights of a senior said and say, for the model's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from .features import to_epoch
from .models import WeightActivation
from .past_homes import read_habits, read_past
from .replay import score_past
from .weight_registry import active_weights

if TYPE_CHECKING:
    from .models import AIWeight

POINT_SECONDS = 1800.0


@dataclass(frozen=True)
class ScoreSeries:
    """The emergency's score over time by one version, half-hourly maxima; `alarms` where it reached 1."""

    version: int
    at: list[datetime]
    score: list[float]
    alarms: list[datetime]


def activations_of(senior_id: int, limit: int = 20) -> list[WeightActivation]:
    """Which version went live when, by whom and why, newest first."""
    rows = WeightActivation.objects.filter(senior_id=senior_id).select_related("weight", "by")
    return list(rows.order_by("-activated_at", "-pk")[:limit])


def score_series(senior_id: int, days: float = 28, weight: AIWeight | None = None) -> ScoreSeries | None:
    """The last weeks as `weight`, or else the live version, judges them; None without weights.

    Replayed from the events by the code of the tick. Raises as `read_habits`.
    """
    weight = weight or active_weights(senior_id)
    if weight is None:
        return None
    past = read_past(senior_id, days)
    scores = score_past(past, read_habits(weight))
    points, first = np.unique(past.moments // POINT_SECONDS, return_index=True)
    peaks = np.maximum.reduceat(scores, first) if first.size else scores
    moments = [datetime.fromtimestamp(float(at), UTC) for at in to_epoch(points * POINT_SECONDS)]
    return ScoreSeries(
        weight.version,
        moments,
        [round(float(peak), 4) for peak in peaks],
        [at for at, peak in zip(moments, peaks, strict=True) if peak >= 1],
    )
