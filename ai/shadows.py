"""Shadow runs: what a version that waits would have said since it was trained, beside the version that is live.

A tick and its replay say the same (a test holds it), so the days are judged afterwards, every night, at no cost for the
ticks. A version that bears a week of days on which it was not trained no worse than the live one goes live by itself.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from django.utils import timezone

from .artifact import ForeignWeights, UnreadableWeights
from .models import AIWeight
from .object_store import ObjectMissing
from .past_homes import read_habits, read_past
from .replay import measure_replay
from .weight_registry import active_weights, promote

if TYPE_CHECKING:
    from collections.abc import Mapping

log = structlog.get_logger(__name__)

SHADOW_DAYS = 14.0
ENOUGH_WEEKS = 0.95
AS_QUICK_HOURS = 0.5


def run_shadows() -> int:
    """Judges the newest waiting version of each senior; how many went live. Raises ObjectStoreAway."""
    promoted = 0
    since = timezone.now() - timedelta(days=SHADOW_DAYS)
    waiting = AIWeight.objects.filter(status=AIWeight.Status.PENDING, created_at__gt=since)
    for weight in waiting.order_by("senior_id", "-version").distinct("senior_id"):
        active = active_weights(weight.senior_id)
        if active is None or active.version > weight.version:
            continue
        try:
            past = read_past(weight.senior_id, SHADOW_DAYS, weight.trained_to)
            figures = [measure_replay(past, read_habits(one)) for one in (weight, active)] if past.moments.size else []
        except (ObjectMissing, UnreadableWeights, ForeignWeights) as error:
            log.warning("shadow_not_run", weight_id=weight.pk, error=str(error))
            continue
        if figures:
            own, live = figures
            AIWeight.objects.filter(pk=weight.pk).update(shadow={**own, "beside": active.version, "active": live})
            if is_no_worse(own, live):
                reason = f"{own['weeks']:g} weeks in shadow: {own['alarms']} alarms, the live version {live['alarms']}"
                promoted += promote(weight.pk, reason) is not None
    return promoted


def is_no_worse(own: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """After a week or more: no more alarms than the live version, and about as quick."""
    quick = own.get("fall_hours", 0.0) <= live.get("fall_hours", 0.0) + AS_QUICK_HOURS
    return bool(own["weeks"] >= ENOUGH_WEEKS and own["alarms"] <= live["alarms"] and quick)
