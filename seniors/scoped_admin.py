"""What every admin class shares: rows by `Senior.objects.visible_to`, rights by role, and a trace of who looked."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib import admin
from django.db.models import Model

from .access_log import record_request
from .capped_pages import CappedPaginator
from .models import Senior, Staff
from .scoping import narrow

if TYPE_CHECKING:
    from django.db.models import ForeignKey, QuerySet
    from django.forms import ModelChoiceField
    from django.http import HttpRequest, HttpResponse

    from .models import SeniorQuerySet

Row = TypeVar("Row", bound=Model)


def visible_seniors(request: HttpRequest) -> SeniorQuerySet:
    return Senior.objects.visible_to(request.user) if isinstance(request.user, Staff) else Senior.objects.none()


class PlainPages(admin.ModelAdmin[Row]):
    """Django's list and form pages with our titles and one way to save."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        # Django's own title is a sentence that Korean cannot be fitted into
        return super().changelist_view(request, {"title": self.opts.verbose_name_plural, **(extra_context or {})})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().changeform_view(request, object_id, form_url, {**one_button, **(extra_context or {})})


class ScopedAdmin(PlainPages[Row]):
    """An admin class whose rows belong to seniors. Caseworkers see and edit those of their seniors, supervisors all.

    `senior_path` is the lookup from a row to its senior, empty for the senior itself, None for rows of nobody in
    particular, which only supervisors see. Nothing is deleted here: what ends is marked as ended.
    """

    senior_path: ClassVar[str | None] = "senior"
    is_editable: ClassVar[bool] = True
    is_for_supervisors: ClassVar[bool] = False
    list_per_page = 50
    paginator = CappedPaginator
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        rows = super().get_queryset(request)
        if self.senior_path is None or not isinstance(request.user, Staff):
            return rows if self.senior_path is None else rows.none()
        return narrow(rows, request.user, self.senior_path or "pk")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        user = request.user
        if not isinstance(user, Staff) or user.is_guardian:
            return False
        return user.is_supervisor or not (self.is_for_supervisors or self.senior_path is None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.is_editable and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return self.is_editable and self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        # what the form accepts, not only what the autocomplete offers
        if db_field.related_model is Senior:
            kwargs.setdefault("queryset", visible_seniors(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        response = super().changeform_view(request, object_id, form_url, extra_context)
        row = self.get_object(request, object_id) if object_id and response.status_code < 400 else None
        if row is not None and self.senior_path is not None:
            senior = attrgetter(self.senior_path.replace("__", "."))(row) if self.senior_path else row
            verb = "change" if request.method == "POST" else "view"
            record_request(request, f"admin.{self.opts.model_name}.{verb}", senior.pk)
        return response
