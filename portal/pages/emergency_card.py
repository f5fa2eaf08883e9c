"""The 119 card: one printable page with what a rescue crew asks. The entry code is on it only when it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from devices.models import IoTHub
from monitoring import sensor_events
from monitoring.models import EmergencyLog
from portal.pages.desk import person_of
from seniors.access_log import record_request
from seniors.entry_codes import EntryCodesLocked, reveal_entry_code
from seniors.models import Contact, EntryCode, Role, Senior, Staff

if TYPE_CHECKING:
    from django.http import HttpRequest


@never_cache
@require_http_methods(["GET", "POST"])
def show_card(request: HttpRequest, senior_id: int) -> TemplateResponse:
    """By POST with the entry code, which leaves a row of its own in the access log."""
    senior = get_object_or_404(Senior.objects.visible_to(person_of(request)), pk=senior_id)
    record_request(request, "senior.card", senior.pk)
    entry, is_locked = "", False
    if request.method == "POST":
        record_request(request, "entry_code.reveal", senior.pk, on="card")
        try:
            entry = reveal_entry_code(senior)
        except EntryCodesLocked:
            is_locked = True
    hubs = list(IoTHub.objects.filter(senior=senior).values_list("hub_id", flat=True))
    people = list(Staff.objects.filter(mappings__senior=senior, is_active=True))
    context = {
        **admin.site.each_context(request),
        "title": _("119 카드"),
        "senior": senior,
        "entry": entry,
        "is_revealed": request.method == "POST",
        "is_locked": is_locked,
        "has_entry_code": EntryCode.objects.filter(senior=senior).exists(),
        "last_event": sensor_events.last_event(hubs) if hubs else None,
        "unresolved": EmergencyLog.objects.filter(senior=senior, status__in=EmergencyLog.UNRESOLVED).first(),
        "contacts": Contact.objects.filter(senior=senior),
        "guardians": [person for person in people if person.role == Role.GUARDIAN],
        "caseworkers": [person for person in people if person.role != Role.GUARDIAN],
        "printed_at": timezone.now(),
    }
    return TemplateResponse(request, "portal/card119.html", context)
