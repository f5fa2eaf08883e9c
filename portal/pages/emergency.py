"""One emergency on one screen: the facts, what to do, and everything that happened so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.shortcuts import get_object_or_404, render
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache

from ai.models import AIWeight
from monitoring import sensor_events
from monitoring.models import EmergencyLog
from monitoring.timeline import ended_notifications
from monitoring.timeline_words import say_timeline
from portal.pages.board import make_cards
from portal.pages.desk import person_of, record_sight
from portal.pages.timeline_folds import fold_lines
from seniors.access_log import record_request
from seniors.models import Contact, EntryCode, Role, Senior, Staff

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@never_cache
def show_emergency(request: HttpRequest, log_id: int) -> TemplateResponse:
    emergency = find_emergency(request, log_id)
    record_request(request, "emergency.view", emergency.senior_id, log_id=log_id)
    context = {
        **admin.site.each_context(request),
        **describe_emergency(emergency),
        "title": f"{emergency.senior.full_name} · {emergency.get_event_type_display()}",
    }
    return TemplateResponse(request, "portal/emergency.html", context)


@never_cache
def show_emergency_state(request: HttpRequest, log_id: int) -> HttpResponse:
    """The part of the page that changes, for the page itself."""
    emergency = find_emergency(request, log_id)
    record_sight(request, [emergency.senior_id])
    return render(request, "portal/parts/emergency_state.html", describe_emergency(emergency))


def find_emergency(request: HttpRequest, log_id: int) -> EmergencyLog:
    visible = Senior.objects.visible_to(person_of(request))
    rows = EmergencyLog.objects.select_related("senior", "acknowledged_by", "resolved_by", "tested_by", "assigned_to")
    return get_object_or_404(rows, pk=log_id, senior__in=visible)


def describe_emergency(emergency: EmergencyLog) -> dict[str, Any]:
    transitions = list(emergency.transitions.select_related("by"))
    mentioned = {staff_id for row in transitions for staff_id in row.detail.get("staff_ids", [])}
    names = dict(Staff.objects.filter(pk__in=mentioned).values_list("pk", "full_name")) if mentioned else {}
    deliveries = emergency.deliveries.select_related("staff")
    weights = AIWeight.objects.filter(pk=emergency.weight_id).first() if emergency.weight_id else None
    people = Staff.objects.filter(mappings__senior_id=emergency.senior_id, is_active=True)
    hubs = sensor_events.hubs_of(emergency.senior_id)
    return {
        "card": make_cards([emergency])[0],
        "emergency": emergency,
        "senior": emergency.senior,
        "folds": fold_lines(say_timeline(transitions, deliveries, names, ended_notifications(emergency))),
        "weights": weights,
        "caseworkers": people.exclude(role=Role.GUARDIAN),
        "guardians": people.filter(role=Role.GUARDIAN),
        "contacts": Contact.objects.filter(senior_id=emergency.senior_id),
        "has_entry_code": EntryCode.objects.filter(senior_id=emergency.senior_id).exists(),
        "last_event": sensor_events.last_event(hubs) if hubs else None,
    }
