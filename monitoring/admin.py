"""Emergencies in the admin: a list to search. They are acted on at the desk and on their page, never by a form.
The roster and the policies of the ladder: forms for supervisors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from seniors.models import Staff
from seniors.scoped_admin import ScopedAdmin

from .models import EmergencyLog
from .roster import may_serve
from .roster_models import Duty, EscalationPolicy

if TYPE_CHECKING:
    from django.db.models import ForeignKey
    from django.forms import ModelChoiceField
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


@admin.register(Duty)
class DutyAdmin(ScopedAdmin[Duty]):
    senior_path = None
    list_display = ["starts_at", "ends_at", "staff", "rung"]
    list_filter = ["rung", "starts_at"]
    list_select_related = ["staff"]
    search_fields = ["staff__full_name"]
    date_hierarchy = "starts_at"

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.related_model is Staff:
            kwargs.setdefault("queryset", may_serve())
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Duty | None = None) -> bool:
        return self.has_view_permission(request, obj)


@admin.register(EscalationPolicy)
class EscalationPolicyAdmin(ScopedAdmin[EscalationPolicy]):
    """The form says the usual times; the model's constraints refuse whatever would be later."""

    senior_path = None
    list_display = ["__str__", "first_s", "supervisors_s", "repeat_s", "robot_asks"]
    list_select_related = ["senior"]
    autocomplete_fields = ["senior"]

    def has_delete_permission(self, request: HttpRequest, obj: EscalationPolicy | None = None) -> bool:
        return self.has_view_permission(request, obj)
