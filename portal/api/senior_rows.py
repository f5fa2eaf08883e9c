"""Seniors with their hub, risk and open emergencies, in one query, for the API's list and the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Case, Count, F, IntegerField, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from devices.models import IoTHub
from devices.strict_json import is_storable
from monitoring.emergency_json import moment
from monitoring.models import EmergencyLog, RiskState
from seniors.models import Senior
from seniors.problems import Problem

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet
    from django.http import QueryDict

    from seniors.models import Staff

WORST_FIRST = ["emergency", "warning", "watch", "no_data", "normal"]
ORDERINGS: dict[str, list[Any]] = {
    "risk": ["risk_rank", F("hub_seen").asc(nulls_last=True), "senior_id"],
    "full_name": ["full_name", "senior_id"],
    "last_seen_at": [F("hub_seen").asc(nulls_last=True), "senior_id"],
    "senior_id": ["senior_id"],
    "open_emergencies": ["open_emergencies", "senior_id"],
}


def senior_rows(user: Staff | AnonymousUser) -> QuerySet[Senior]:
    """`visible_to(user)` with `hub_*`, `open_emergencies` and `risk_rank`, worst and longest silent first."""
    hub = IoTHub.objects.registered().filter(senior_id=OuterRef("pk"))
    unresolved = EmergencyLog.objects.unresolved().filter(senior_id=OuterRef("pk")).order_by()
    counted = unresolved.values("senior_id").annotate(count=Count("pk")).values("count")
    rank = Case(
        *[When(risk__level=level, then=Value(index)) for index, level in enumerate(WORST_FIRST)],
        default=Value(WORST_FIRST.index("no_data")),
        output_field=IntegerField(),
    )
    rows = Senior.objects.visible_to(user).select_related("risk")
    annotated = rows.annotate(
        hub_id=Subquery(hub.values("hub_id")[:1]),
        hub_device=Subquery(hub.values("device_id")[:1]),
        hub_status=Subquery(hub.values("status")[:1]),
        hub_seen=Subquery(hub.values("last_seen_at")[:1]),
        open_emergencies=Coalesce(Subquery(counted), 0),
        risk_rank=rank,
    )
    return annotated.order_by(*ORDERINGS["risk"])


def choose(rows: QuerySet[Senior], query: QueryDict) -> QuerySet[Senior]:
    """Narrows and orders by `search`, `risk`, `hub_status`, `ordering`. Raises Problem for a value that is none."""
    if search := query.get("search", "").strip():
        found = rows.filter(Q(full_name__icontains=search) | Q(address__icontains=search))
        rows = found if is_storable(search) else rows.none()
    if risk := query.get("risk"):
        if risk not in RiskState.Level:
            raise bad("risk", RiskState.Level.values)
        level = Q(risk__level=risk)
        rows = rows.filter(level | Q(risk__isnull=True) if risk == "no_data" else level)
    if status := query.get("hub_status"):
        if status not in IoTHub.Status:
            raise bad("hub_status", IoTHub.Status.values)
        # an annotation of senior_rows, which the declared type of `rows` does not tell
        rows = rows.filter(hub_status=status)  # type: ignore[misc]
    if ordering := query.get("ordering"):
        name, reverse = ordering.removeprefix("-"), ordering.startswith("-")
        if name not in ORDERINGS:
            raise bad("ordering", list(ORDERINGS))
        rows = rows.order_by(*ORDERINGS[name])
        rows = rows.reverse() if reverse else rows
    return rows


def bad(name: str, wanted: list[str]) -> Problem:
    return Problem(400, "invalid", f"`{name}` is one of {', '.join(wanted)}", errors={name: ["unknown value"]})


def row_json(senior: Any) -> dict[str, Any]:
    """A row of `senior_rows` in the contract's shape."""
    return {
        "senior_id": senior.senior_id,
        "full_name": senior.full_name,
        "address": senior.address,
        "risk": risk_json(getattr(senior, "risk", None)),
        "hub": {
            "hub_id": senior.hub_id,
            "device_id": senior.hub_device,
            "status": senior.hub_status,
            "last_seen_at": moment(senior.hub_seen),
        }
        if senior.hub_id
        else None,
        "open_emergencies": senior.open_emergencies,
    }


def risk_json(risk: RiskState | None) -> dict[str, Any]:
    """Nothing known yet is `no_data`, never `normal`."""
    if risk is None:
        return {"level": RiskState.Level.NO_DATA, "score": None, "updated_at": None}
    return {"level": risk.level, "score": risk.score, "updated_at": moment(risk.updated_at)}
