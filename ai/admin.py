"""Weights and their training in the admin, for supervisors: which version judges whom, and how far training is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Count, Q
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from seniors.scoped_admin import ScopedAdmin

from .models import AIWeight, TrainingJob, TrainingRun
from .weight_pages import activate_version, show_weights, train_now

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.urls import URLPattern


@admin.register(AIWeight)
class AIWeightAdmin(ScopedAdmin[AIWeight]):
    is_editable = False
    is_for_supervisors = True
    list_display = ["senior_link", "version", "status", "trained_from", "trained_to", "created_at", "reason"]
    list_display_links = None
    list_filter = ["status", "created_at"]
    list_select_related = ["senior"]
    search_fields = ["senior__full_name"]
    ordering = ["senior__full_name", "-version"]

    @admin.display(description=_("어르신"), ordering="senior__full_name")
    def senior_link(self, weight: AIWeight) -> str:
        return link_to_weights(weight.senior_id, weight.senior.full_name)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        pages = [
            path("of/<int:senior_id>/", view(show_weights), name="ai_weights_of"),
            path("of/<int:senior_id>/train/", view(train_now), name="ai_train_senior"),
            path("of/<int:senior_id>/<int:weight_id>/activate/", view(activate_version), name="ai_activate_weights"),
        ]
        return pages + super().get_urls()


@admin.register(TrainingRun)
class TrainingRunAdmin(ScopedAdmin[TrainingRun]):
    senior_path = None
    is_editable = False
    list_display = ["run_id", "kind", "started_at", "started_by", "progress", "active", "failed", "seniors_link"]
    list_display_links = None
    list_filter = ["kind", "started_at"]
    list_select_related = ["started_by"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrainingRun]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                asked=Count("jobs"),
                left=Count("jobs", filter=Q(jobs__status__in=TrainingJob.UNFINISHED)),
                went_live=Count("jobs", filter=Q(jobs__status=TrainingJob.Status.ACTIVE)),
                went_wrong=Count("jobs", filter=Q(jobs__status=TrainingJob.Status.FAILED)),
            )
        )

    @admin.display(description=_("진행"))
    def progress(self, run: Any) -> str:
        return format_html('<progress max="{0}" value="{1}"></progress> {1}/{0}', run.asked, run.asked - run.left)

    @admin.display(description=_("새 버전 사용"))
    def active(self, run: Any) -> int:
        return int(run.went_live)

    @admin.display(description=_("실패"))
    def failed(self, run: Any) -> int:
        return int(run.went_wrong)

    @admin.display(description=_("어르신별"))
    def seniors_link(self, run: TrainingRun) -> str:
        url = reverse("admin:ai_trainingjob_changelist")
        return format_html('<a href="{}?run__run_id__exact={}">{}</a>', url, run.pk, _("보기"))


@admin.register(TrainingJob)
class TrainingJobAdmin(ScopedAdmin[TrainingJob]):
    is_editable = False
    is_for_supervisors = True
    list_display = ["senior_link", "run", "status", "reason", "version", "attempts", "queued_at", "changed_at"]
    list_display_links = None
    list_filter = ["status", "run__kind", "queued_at"]
    list_select_related = ["senior", "run"]
    search_fields = ["senior__full_name"]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup == "run__run_id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("어르신"), ordering="senior__full_name")
    def senior_link(self, job: TrainingJob) -> str:
        return link_to_weights(job.senior_id, job.senior.full_name)


def link_to_weights(senior_id: int, full_name: str) -> str:
    return format_html('<a href="{}">{}</a>', reverse("admin:ai_weights_of", args=[senior_id]), full_name)
