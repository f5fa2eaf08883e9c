"""Emergencies in the admin: a list to search. They are acted on at the desk and on their page, never by a form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from seniors.scoped_admin import ScopedAdmin

from .models import EmergencyLog

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@admin.register(EmergencyLog)
class EmergencyLogAdmin(ScopedAdmin[EmergencyLog]):
    list_display = ["occurred_at", "senior", "severity", "event_type", "status", "owner", "outcome", "repeats"]
    list_filter = ["status", "severity", "event_type", "occurred_at"]
    list_select_related = ["senior", "acknowledged_by"]
    search_fields = ["senior__full_name", "description"]

    @admin.display(description=_("담당"), ordering="acknowledged_by__full_name")
    def owner(self, emergency: EmergencyLog) -> str:
        return emergency.acknowledged_by.full_name if emergency.acknowledged_by else "–"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("admin:emergency", log_id=object_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: EmergencyLog | None = None) -> bool:
        return False
