"""One senior: how they are now, their emergencies, their day by sensor, their home, and who looked. Tabs are URLs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.cache import never_cache

from ai.models import AIWeight
from devices import installation_tests
from devices.models import IoTHub
from monitoring import sensor_events
from monitoring.models import EmergencyLog
from monitoring.sensor_words import say_sensor
from portal.pages.activity_chart import draw_lanes
from portal.pages.board import SEVERITY_RANK, STATUS_RANK, latest_checks
from portal.pages.desk import person_of
from portal.pages.person_words import describe_to_staff, tone_of
from seniors.access_log import record_request
from seniors.models import AccessLog, Consent, Role, Senior, Staff

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django_stubs_ext import StrPromise

CHART_SPAN = timedelta(hours=24)
LOG_LINES = 200
PAGE_SIZE = 50


@never_cache
def show_senior(request: HttpRequest, senior_id: int, tab: str = "now") -> TemplateResponse:
    """One tab of one senior's page; 404 for a senior whom this person may not know of."""
    user = person_of(request)
    senior = get_object_or_404(Senior.objects.visible_to(user), pk=senior_id)
    if tab not in TABS:
        raise Http404
    _label, gather = TABS[tab]
    record_request(request, f"senior.{tab}", senior.pk)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        **describe_state(senior),
        **gather(request, senior),
        "title": senior.full_name,
        "senior": senior,
        "tab": tab,
        "tabs": [(name, label) for name, (label, _gather) in TABS.items()],
    }
    return TemplateResponse(request, f"portal/care/{tab}.html", context)


def describe_state(senior: Senior) -> dict[str, Any]:
    """What the head of every tab says."""
    now = timezone.now()
    unresolved = list(
        EmergencyLog.objects.filter(senior=senior, status__in=EmergencyLog.UNRESOLVED)
        .select_related("senior", "acknowledged_by")
        .order_by(STATUS_RANK, SEVERITY_RANK, "occurred_at")
    )
    hub = IoTHub.objects.registered().filter(senior=senior).first()
    risk = getattr(senior, "risk", None)
    check = latest_checks([senior.pk]).get(senior.pk)
    return {
        "condition": describe_to_staff(unresolved, risk, hub, now),
        "unresolved": unresolved,
        "hub": hub,
        "risk": risk,
        "tone": tone_of(risk, now),
        "check": check,
        "robot_busy": check is not None and check.status in check.RUNNING,
    }


def gather_now(request: HttpRequest, senior: Senior) -> dict[str, Any]:
    end = timezone.now()
    start = end - CHART_SPAN
    events = sensor_events.recent(sensor_events.hubs_of(senior.pk), start)
    chart = draw_lanes(
        [(event.timestamp, event.sensor_id, event.sensor_value) for event in events],
        start,
        end,
        timezone.get_current_timezone(),
        name=say_sensor,
    )
    weights = AIWeight.objects.filter(senior=senior, is_active=True).first()
    return {"chart": chart, "last_event": events[-1] if events else None, "weights": weights}


def gather_emergencies(request: HttpRequest, senior: Senior) -> dict[str, Any]:
    rows = EmergencyLog.objects.filter(senior=senior).select_related("acknowledged_by", "resolved_by")
    return {"page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))}


def gather_profile(request: HttpRequest, senior: Senior) -> dict[str, Any]:
    people = Staff.objects.filter(mappings__senior=senior)
    context: dict[str, Any] = {
        "caseworkers": people.exclude(role=Role.GUARDIAN),
        "guardians": people.filter(role=Role.GUARDIAN),
        "consents": Consent.objects.filter(senior=senior).select_related("given_by", "withdrawn_by").order_by("-pk"),
        "video_allowed": Consent.objects.filter(senior=senior, kind="video", withdrawn_at__isnull=True).exists(),
    }
    if person_of(request).is_supervisor:
        context["assignable"] = Staff.objects.filter(is_active=True).exclude(mappings__senior=senior)
    return context


def gather_home(request: HttpRequest, senior: Senior) -> dict[str, Any]:
    hubs = IoTHub.objects.filter(senior=senior).order_by("-hub_id")
    weights = AIWeight.objects.filter(senior=senior).order_by("-version")[:10]
    hub = next((hub for hub in hubs if hub.deregistered_at is None), None)
    return {
        "hubs": hubs.prefetch_related("keys", "faults"),
        "weight_versions": weights,
        "events_last_hour": sensor_events.count_since([hub.hub_id], timezone.now() - timedelta(hours=1)) if hub else 0,
        "test": installation_tests.find_lasting(hub.hub_id) if hub else None,
    }


def gather_events(request: HttpRequest, senior: Senior) -> dict[str, Any]:
    since = timezone.now() - timedelta(days=7)
    events = sensor_events.recent(sensor_events.hubs_of(senior.pk), since, limit=LOG_LINES)
    return {"events": list(reversed(events)), "limit": LOG_LINES}


def gather_access(request: HttpRequest, senior: Senior) -> dict[str, Any]:
    rows = AccessLog.objects.filter(senior_id=senior.pk).select_related("staff").order_by("-accessed_at", "-pk")
    return {"page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))}


# in the order of the tabs
TABS: dict[str, tuple[StrPromise, Callable[[HttpRequest, Senior], dict[str, Any]]]] = {
    "now": (_("지금"), gather_now),
    "emergencies": (_("응급 기록"), gather_emergencies),
    "profile": (_("정보와 담당"), gather_profile),
    "home": (_("기기와 가중치"), gather_home),
    "events": (pgettext_lazy("plural", "센서 기록"), gather_events),
    "access": (_("열람 기록"), gather_access),
}
