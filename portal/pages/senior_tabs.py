"""What each tab of a senior's page shows besides the head."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from django.core.paginator import Paginator
from django.db.models import Q
from django.utils import timezone

from devices import installation_tests
from devices.models import Fault
from monitoring import sensor_events
from monitoring.absence_models import Absence
from monitoring.models import EmergencyLog
from monitoring.sensor_words import say_room
from portal.pages.activity_chart import draw_lanes
from portal.pages.desk import person_of
from portal.pages.heartbeat_strip import SPAN, draw_strip
from portal.pages.heat_map import DAYS, draw_heat_map, find_usual
from seniors.models import AccessLog, Consent, Contact, Role, Senior, Staff

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

State: TypeAlias = dict[str, Any]
CHART_SPAN = timedelta(hours=24)
SENSORS_SINCE = timedelta(days=28)
LOG_LINES = 200
PAGE_SIZE = 50


def gather_now(request: HttpRequest, senior: Senior, state: State) -> State:
    end, zone = timezone.now(), timezone.get_current_timezone()
    start = end - CHART_SPAN
    hub_ids = [hub.hub_id for hub in state["hubs"]]
    events = sensor_events.recent(hub_ids, start)
    hours = read_two_weeks(hub_ids, end)
    chart = draw_lanes(
        [(event.timestamp, event.sensor_id, event.sensor_value) for event in events],
        start,
        end,
        zone,
        name=say_room,
        usual=find_usual(hours, end.astimezone(zone).date(), zone, say_room),
    )
    active = [event for event in events if event.sensor_value]
    return {"chart": chart, "last_event": active[-1] if active else None}


def gather_activity(request: HttpRequest, senior: Senior, state: State) -> State:
    now = timezone.now()
    hours = read_two_weeks([hub.hub_id for hub in state["hubs"]], now)
    return {"heat": draw_heat_map(hours, now, timezone.get_current_timezone())}


def read_two_weeks(hub_ids: list[int], now: datetime) -> list[tuple[datetime, str, int]]:
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return sensor_events.hourly(hub_ids, midnight - timedelta(days=DAYS - 1))


def gather_emergencies(request: HttpRequest, senior: Senior, state: State) -> State:
    rows = EmergencyLog.objects.filter(senior=senior).select_related("acknowledged_by", "resolved_by")
    return {"page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))}


def gather_profile(request: HttpRequest, senior: Senior, state: State) -> State:
    people = list(Staff.objects.filter(mappings__senior=senior))
    consents = list(Consent.objects.filter(senior=senior).select_related("given_by", "withdrawn_by").order_by("-pk"))
    return {
        "caseworkers": [person for person in people if person.role != Role.GUARDIAN],
        "guardians": [person for person in people if person.role == Role.GUARDIAN],
        "contacts": Contact.objects.filter(senior=senior),
        "has_entry_code": hasattr(senior, "entry_code"),
        "consents": consents,
        "video_allowed": any(one.kind == Consent.Kind.VIDEO and one.withdrawn_at is None for one in consents),
        "absence_kinds": Absence.Kind.choices,
    }


def gather_home(request: HttpRequest, senior: Senior, state: State) -> State:
    now, hub = timezone.now(), state["hub"]
    if hub is None:
        return {"test": None}
    recent = Q(cleared_at__isnull=True) | Q(kind=Fault.Kind.HUB_OFFLINE, cleared_at__gt=now - SPAN)
    faults = list(Fault.objects.filter(recent, hub=hub))
    silences = [(one.since, one.cleared_at) for one in faults if one.kind == Fault.Kind.HUB_OFFLINE]
    lasting = [one for one in faults if one.cleared_at is None]
    return {
        "test": installation_tests.find_lasting(hub.hub_id),
        "hub_faults": [one for one in lasting if not one.sensor_id],
        "strip": draw_strip(silences, hub.registered_at if hub.last_seen_at else None, now),
        "sensors": list_sensors([one.hub_id for one in state["hubs"]], lasting, now),
    }


def list_sensors(hub_ids: list[int], faults: list[Fault], now: datetime) -> list[dict[str, Any]]:
    """Every sensor that was heard in four weeks: when last, how often today, and which of `faults` is its."""
    wrong = {fault.sensor_id: fault for fault in faults if fault.sensor_id}
    today = timezone.localtime(now).date()
    sensors: dict[str, dict[str, Any]] = {}
    for bucket, sensor_id, events in sensor_events.hourly(hub_ids, now - SENSORS_SINCE):
        line = sensors.setdefault(sensor_id, {"sensor_id": sensor_id, "today": 0, "fault": wrong.get(sensor_id)})
        line["last_hour"] = max(bucket, line.get("last_hour", bucket))
        line["today"] += events if timezone.localtime(bucket).date() == today else 0
    return sorted(sensors.values(), key=lambda line: (line["fault"] is None, line["sensor_id"]))


def gather_events(request: HttpRequest, senior: Senior, state: State) -> State:
    since = timezone.now() - timedelta(days=7)
    events = sensor_events.recent([hub.hub_id for hub in state["hubs"]], since, limit=LOG_LINES)
    return {"events": list(reversed(events)), "limit": LOG_LINES}


def gather_access(request: HttpRequest, senior: Senior, state: State) -> State:
    rows = AccessLog.objects.filter(senior_id=senior.pk).select_related("staff").order_by("-accessed_at", "-pk")
    if not person_of(request).is_supervisor:
        rows = rows.exclude(action__startswith="hub.")
    return {"page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))}
