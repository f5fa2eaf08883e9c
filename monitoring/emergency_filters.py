"""The query parameters by which emergencies are chosen."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from drf_spectacular.utils import OpenApiParameter

from seniors.problems import Problem

from .ingest import parse_timestamp
from .models import EmergencyLog, EventType

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import QueryDict

EMERGENCY_PARAMETERS = [
    OpenApiParameter("status", str, enum=[value for value, _ in EmergencyLog.Status.choices]),
    OpenApiParameter("event_type", str, enum=[value for value, _ in EventType.choices]),
    OpenApiParameter("occurred_after", datetime),
    OpenApiParameter("occurred_before", datetime),
]


def filter_emergencies(rows: QuerySet[EmergencyLog], query: QueryDict) -> QuerySet[EmergencyLog]:
    """`rows` narrowed by the parameters above. Raises Problem for a value that is none."""
    if status := query.get("status"):
        if status not in EmergencyLog.Status:
            raise bad("status", "open, acknowledged or resolved")
        rows = rows.filter(status=status)
    if event_type := query.get("event_type"):
        if event_type not in EventType:
            raise bad("event_type", ", ".join(EventType.values))
        rows = rows.filter(event_type=event_type)
    for name, lookup in (("occurred_after", "occurred_at__gte"), ("occurred_before", "occurred_at__lt")):
        if text := query.get(name):
            # an unescaped + of the offset arrives as a blank
            moment = parse_timestamp(text.replace(" ", "+"))
            if moment is None:
                raise bad(name, "a time with an offset, as in RFC 3339")
            rows = rows.filter(**{lookup: moment})
    return rows


def bad(name: str, wanted: str) -> Problem:
    return Problem(400, "invalid", f"`{name}` is {wanted}", errors={name: [f"expected {wanted}"]})
