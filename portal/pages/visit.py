"""The form of a visit: made for a phone at the door, where there may be no network. It may be sent late and twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from monitoring import due_tasks
from monitoring.notice_models import DueTask
from portal.pages.desk import person_of
from seniors.access_log import record_request
from seniors.models import Senior

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest


class VisitForm(forms.Form):
    """`visit_id` is made by the page, so that a visit that is sent again is the same one."""

    visit_id = forms.UUIDField()
    visited_at = forms.DateTimeField()
    task = forms.IntegerField(required=False)
    outcome = forms.ChoiceField(
        choices=[("visited", gettext_lazy("방문함")), ("not_reached", gettext_lazy("만나지 못함"))]
    )
    note = forms.CharField(max_length=900, required=False)


@never_cache
def show_visit(request: HttpRequest, senior_id: int) -> TemplateResponse:
    senior = get_object_or_404(Senior.objects.visible_to(person_of(request)), pk=senior_id)
    record_request(request, "visit.form", senior.pk)
    task = request.GET.get("task", "")
    context = {
        **admin.site.each_context(request),
        "title": _("방문 기록"),
        "senior": senior,
        "task": task if task.isdigit() else "",
        "outcomes": VisitForm.base_fields["outcome"].choices,  # type: ignore[attr-defined]
    }
    return TemplateResponse(request, "portal/visit.html", context)


@require_POST
def keep_visit(request: HttpRequest, senior_id: int) -> HttpResponse:
    """Keeps a visit; the same `visit_id` again changes nothing. 400 with the errors by field."""
    user = person_of(request)
    senior = get_object_or_404(Senior.objects.visible_to(user), pk=senior_id)
    form = VisitForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    values = form.cleaned_data
    with transaction.atomic():
        task = find_task(senior, values["task"], values["visit_id"])
        try:
            due_tasks.finish_task(task.pk, user, values["outcome"], write_note(values))
        except due_tasks.AlreadyDone:
            return JsonResponse({"kept": True, "task_id": task.pk})
        record_request(request, "visit.keep", senior.pk, task_id=task.pk)
    return JsonResponse({"kept": True, "task_id": task.pk}, status=201)


def find_task(senior: Senior, task_id: int | None, visit_id: uuid.UUID) -> DueTask:
    """The visit that was due and is still open, else one of its own."""
    due = DueTask.objects.filter(pk=task_id or 0, senior=senior, kind=DueTask.Kind.VISIT, done_at=None).first()
    return due or due_tasks.open_task(senior.pk, DueTask.Kind.VISIT, "visit", key=f"visit:{visit_id}")


def write_note(values: dict[str, Any]) -> str:
    """The note, and when the visit was if that is not now."""
    visited_at, text = values["visited_at"], str(values["note"])
    late = timezone.now() - visited_at
    if late.total_seconds() < 600:
        return text
    when = timezone.localtime(visited_at).strftime("%m/%d %H:%M")
    return f"{when} · {text}" if text else when
