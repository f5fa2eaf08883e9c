"""People in the admin: seniors, staff, and the access log, which nobody edits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_lazy as _

from .models import AccessLog, Contact, Senior, Staff, StaffSenior
from .revocations import revoke_staff
from .scoped_admin import PlainPages, ScopedAdmin

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.forms import ModelForm
    from django.http import HttpRequest
    from django_stubs_ext import StrPromise


class ContactInline(admin.TabularInline[Contact, Senior]):
    model = Contact
    fields = ("position", "full_name", "relation", "phone", "holds_key")
    extra = 1

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return isinstance(request.user, Staff) and request.user.is_staff

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission


@admin.register(Senior)
class SeniorAdmin(ScopedAdmin[Senior]):
    senior_path = ""
    list_display = ["full_name", "address", "phone", "created_at"]
    search_fields = ["full_name", "address", "phone"]
    fields = ["full_name", "address", "phone", "health_info"]
    inlines = [ContactInline]

    def save_model(self, request: HttpRequest, obj: Senior, form: ModelForm[Senior], change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if not change and isinstance(request.user, Staff):
                StaffSenior.objects.get_or_create(staff=request.user, senior=obj)


class StaffCreationForm(AdminUserCreationForm):
    class Meta:
        model = Staff
        fields = ("email", "full_name", "role")


class StaffChangeForm(UserChangeForm[Staff]):
    class Meta:
        model = Staff
        fields = "__all__"


@admin.register(Staff)
class StaffAdmin(PlainPages[Staff], UserAdmin[Staff]):  # type: ignore[type-var]  # the stubs want AbstractUser; the class asks for none of it
    """Accounts, for supervisors. Only an operator makes operators, or touches one."""

    form = StaffChangeForm
    add_form = StaffCreationForm
    list_display = ["full_name", "email", "role", "phone", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    search_fields = ["full_name", "email"]
    ordering = ["full_name", "staff_id"]
    filter_horizontal = []
    readonly_fields = ["last_login", "created_at"]
    fieldsets = [
        (None, {"fields": ["email", "password", "full_name", "phone", "language"]}),
        (_("권한"), {"fields": ["role", "is_active", "is_superuser"]}),
        (_("기록"), {"fields": ["last_login", "created_at"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "full_name", "role", "usable_password", "password1", "password2"]})]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Staff | None = None) -> bool:
        return isinstance(request.user, Staff) and request.user.is_supervisor

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Staff | None = None) -> bool:
        user = request.user
        if not isinstance(user, Staff) or not user.is_supervisor:
            return False
        return user.is_superuser or obj is None or not obj.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Staff | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Staff | None = None) -> list[str]:
        fields = [str(field) for field in super().get_readonly_fields(request, obj)]
        return fields if isinstance(request.user, Staff) and request.user.is_superuser else [*fields, "is_superuser"]

    def save_model(self, request: HttpRequest, obj: Staff, form: ModelForm[Staff], change: bool) -> None:
        """A person who was deactivated or given another role loses open sockets with the same commit."""
        obj.email = obj.email.lower()
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if change and {"is_active", "role", "is_superuser"} & set(form.changed_data):
                revoke_staff(obj.pk)


class AccessKindFilter(admin.SimpleListFilter):
    """By what was looked at: the word before the dot. A list of all actions would mean reading the whole log."""

    title = _("무엇을")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, StrPromise]]:
        return [
            ("senior", _("어르신 정보")),
            ("emergency", _("응급 상황")),
            ("video", _("로봇 카메라")),
            ("hub", _("허브")),
            ("admin", _("관리 화면")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(action__startswith=chosen) if chosen else queryset


@admin.register(AccessLog)
class AccessLogAdmin(ScopedAdmin[AccessLog]):
    senior_path = None
    is_editable = False
    list_display = ["accessed_at", "staff", "senior_name", "action", "address", "reason"]
    list_display_links = None
    list_select_related = ["staff"]
    list_filter = ["accessed_at", AccessKindFilter]
    search_fields = ["staff__full_name", "staff__email", "action", "reason"]
    ordering = ["-accessed_at", "-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessLog]:
        # the log has no foreign key to the senior, so that it outlives what it tells of
        name = Senior.objects.filter(pk=OuterRef("senior_id")).values("full_name")
        return super().get_queryset(request).annotate(full_name=Subquery(name))

    @admin.display(description=_("어르신"))
    def senior_name(self, row: Any) -> str:
        return row.full_name or row.senior_id or "–"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
