"""The registry's gate: the last weeks of the person, judged by the candidate and by the weights that are live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from .artifact import ForeignWeights, UnreadableWeights
from .object_store import ObjectMissing
from .past_homes import read_habits, read_past
from .replay import measure_replay

if TYPE_CHECKING:
    from .habits import Habits
    from .models import AIWeight

log = structlog.get_logger(__name__)

REPLAYED_DAYS = 14.0


def replay_both(senior_id: int, candidate: Habits, active: AIWeight | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures of both over the same days; empty where there is nothing to judge. Raises ObjectStoreAway."""
    past = read_past(senior_id, REPLAYED_DAYS)
    if not past.moments.size:
        return {}, {}
    figures = measure_replay(past, candidate)
    if active is None:
        return figures, {}
    try:
        return figures, measure_replay(past, read_habits(active))
    except (ObjectMissing, UnreadableWeights, ForeignWeights) as error:
        # weights that cannot be read any more are no measure for new ones
        log.warning("active_weights_unreadable", senior_id=senior_id, weight_id=active.pk, error=str(error))
        return figures, {}
