"""The model page of a senior: what is usual, from when on a silence would ring, and which weights say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from ai.artifact import ForeignWeights, UnreadableWeights
from ai.inspection import inspect_weights
from ai.models import AIWeight, WeightActivation
from ai.object_store import ObjectMissing, ObjectStoreAway
from portal.pages.person_words import is_stale

if TYPE_CHECKING:
    from django.http import HttpRequest

    from ai.inspection import Inspection
    from portal.pages.senior_tabs import State
    from seniors.models import Senior

LEFT, TOP, BOTTOM = 44, 12, 24
HOUR_WIDTH, HEIGHT = 36, 190
FLOOR = TOP + HEIGHT
VERSIONS_SHOWN = 10
STEP_HOURS = 2


@dataclass(frozen=True)
class HourBar:
    """One hour of the day: what is usually the longest silence, and from how long on one is an emergency."""

    hour: int
    x: int
    usual_y: int
    usual_height: int
    allowed_y: int
    usual_minutes: float
    allowed_minutes: float
    is_now: bool

    @property
    def middle(self) -> int:
        return self.x + HOUR_WIDTH // 2

    @property
    def right(self) -> int:
        return self.x + HOUR_WIDTH


@dataclass(frozen=True)
class DayOfSilences:
    width: int
    height: int
    floor: int
    left: int
    bars: list[HourBar]
    lines: list[tuple[int, int]]
    """(y, hours) of the grid."""


def gather_model(request: HttpRequest, senior: Senior, state: State) -> State:
    weights = state["weights"]
    context: dict[str, Any] = {
        "weight_versions": AIWeight.objects.filter(senior=senior).order_by("-version")[:VERSIONS_SHOWN],
        "activations": WeightActivation.objects.filter(senior=senior)
        .select_related("weight", "by")
        .order_by("-activated_at")[:VERSIONS_SHOWN],
        "inspection": None,
        "trouble": "",
    }
    if weights is None:
        return context
    try:
        inspection = inspect_weights(weights)
    except (ObjectMissing, UnreadableWeights, ForeignWeights) as error:
        return {**context, "trouble": "unreadable", "trouble_detail": str(error)}
    except ObjectStoreAway:
        return {**context, "trouble": "away"}
    risk = state["risk"]
    return {
        **context,
        "inspection": inspection,
        "day": draw_day(inspection.longest_s, inspection.allowed_s, timezone.localtime().hour),
        "rings_at": find_ringing(inspection, state),
        "judged_at": risk.observed_at if risk and not is_stale(risk, timezone.now()) else None,
    }


def find_ringing(inspection: Inspection, state: State) -> Any:
    """When the present silence would become an emergency, None while nothing is judged: no connection, or away."""
    hub, absence = state["hub"], state["absence"]
    if hub is None or hub.status != "online" or (absence is not None and absence.kind != "visitor"):
        return None
    return inspection.alarm_at


def draw_day(longest_s: list[float], allowed_s: list[float], hour_now: int) -> DayOfSilences:
    """Both by hour of the day, in seconds, as bars under a line. Pure."""
    most_hours = max(2.0, *(value / 3600 for value in (*longest_s, *allowed_s)))
    most = STEP_HOURS * -(-most_hours // STEP_HOURS)

    def height(seconds: float) -> int:
        return round(HEIGHT * seconds / 3600 / most)

    bars = [
        HourBar(
            hour=hour,
            x=LEFT + hour * HOUR_WIDTH,
            usual_y=FLOOR - height(longest_s[hour]),
            usual_height=height(longest_s[hour]),
            allowed_y=FLOOR - height(allowed_s[hour]),
            usual_minutes=longest_s[hour] / 60,
            allowed_minutes=allowed_s[hour] / 60,
            is_now=hour == hour_now,
        )
        for hour in range(24)
    ]
    step = STEP_HOURS if most <= 8 else 4
    lines = [(FLOOR - height(hours * 3600), hours) for hours in range(0, int(most) + 1, step)]
    return DayOfSilences(LEFT + 24 * HOUR_WIDTH + 8, FLOOR + BOTTOM, FLOOR, LEFT, bars, lines)
