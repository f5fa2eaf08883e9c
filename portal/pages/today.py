"""오늘 할 일: calls and visits that are due, silent homes and faults, in the order of worry; and the hand-over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Count, F, Q
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from devices.models import Fault
from monitoring import due_tasks, roster
from monitoring.absence_models import Absence
from monitoring.care_models import ShiftNote
from monitoring.models import EmergencyLog
from monitoring.notice_models import DueTask
from monitoring.notice_words import say_task
from portal.pages.board import list_fault_cards
from portal.pages.desk import person_of, record_sight
from portal.pages.person_words import tone_of
from seniors.models import Senior

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

    from seniors.models import Staff

SHOWN = 100
SHIFT = timedelta(hours=12)
TONE_RANK = {"emergency": 0, "warning": 1, "watch": 2, "no_data": 3, "normal": 4}


@dataclass(frozen=True)
class TaskLine:
    task: DueTask
    tone: str
    why: str
    is_late: bool

    @property
    def version(self) -> str:
        return f"{self.tone}/{self.is_late}"

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """What can have come of it."""
        chosen = {
            DueTask.Kind.CALL: (DueTask.Outcome.REACHED, DueTask.Outcome.NOT_REACHED, DueTask.Outcome.NOT_NEEDED),
            DueTask.Kind.VISIT: (DueTask.Outcome.VISITED, DueTask.Outcome.NOT_REACHED, DueTask.Outcome.NOT_NEEDED),
        }.get(DueTask.Kind(self.task.kind), (DueTask.Outcome.REACHED, DueTask.Outcome.NOT_NEEDED))
        return [(outcome.value, str(outcome.label)) for outcome in chosen]


@never_cache
def show_today(request: HttpRequest) -> TemplateResponse:
    user = person_of(request)
    context = {
        **admin.site.each_context(request),
        **gather_tasks(user),
        **gather_faults(user),
        "title": _("오늘 할 일"),
    }
    record_sight(request, [line.task.senior_id for line in context["lines"]])
    return TemplateResponse(request, "portal/today.html", context)


@never_cache
def show_tasks(request: HttpRequest) -> HttpResponse:
    """The list alone, for the page itself."""
    context = gather_tasks(person_of(request))
    record_sight(request, [line.task.senior_id for line in context["lines"]])
    return render(request, "portal/parts/tasks.html", context)


def gather_tasks(user: Staff) -> dict[str, Any]:
    """What is due by the end of today: the worst risk first, then what is due longest."""
    now = timezone.now()
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = midnight + timedelta(days=1)
    due = due_tasks.open_for(user).filter(due_at__lt=tomorrow).select_related("senior__risk")
    lines = [_make_line(task, now) for task in due[: SHOWN * 2]]
    lines.sort(key=lambda line: (TONE_RANK[line.tone], line.task.due_at))
    counts = due_tasks.visible(user).aggregate(
        open=Count("pk", filter=Q(done_at=None, due_at__lt=tomorrow)),
        late=Count("pk", filter=Q(done_at=None, due_at__lt=now)),
        done=Count("pk", filter=Q(done_at__gte=midnight)),
    )
    return {"lines": lines[:SHOWN], "counts": counts, "hidden": max(0, counts["open"] - SHOWN)}


def _make_line(task: DueTask, now: datetime) -> TaskLine:
    return TaskLine(task, tone_of(getattr(task.senior, "risk", None), now), say_task(task), task.due_at < now)


def gather_faults(user: Staff) -> dict[str, Any]:
    return {"faults": list_fault_cards(user, limit=SHOWN)}


@never_cache
def show_handover(request: HttpRequest) -> TemplateResponse:
    """What the last shift leaves to the next: what stands open, what happened, who is away, who is on."""
    user = person_of(request)
    since = timezone.now() - SHIFT
    visible = Senior.objects.visible_to(user).order_by()
    logs = EmergencyLog.objects.filter(senior__in=visible).select_related("senior", "acknowledged_by", "resolved_by")
    unresolved = list(logs.unresolved().order_by("occurred_at")[:SHOWN])
    faults = Fault.objects.filter(cleared_at=None, hub__senior__in=visible, hub__deregistered_at=None)
    context = {
        **admin.site.each_context(request),
        "title": _("교대"),
        "since": since,
        "unresolved": unresolved,
        "resolved": logs.filter(resolved_at__gt=since).order_by("-resolved_at")[:SHOWN],
        "undone": due_tasks.open_for(user).filter(due_at__lt=timezone.now())[:SHOWN],
        "done": due_tasks.visible(user).filter(done_at__gt=since).order_by("-done_at")[:SHOWN],
        "faults": faults.select_related("hub__senior", "seen_by").order_by(F("seen_at").asc(nulls_first=True))[:SHOWN],
        "absences": Absence.objects.lasting().filter(senior__in=visible).select_related("senior")[:SHOWN],
        "on_duty": roster.on_duty(),
        "notes": ShiftNote.objects.select_related("staff").filter(created_at__gt=since - SHIFT)[:20],
    }
    record_sight(request, sorted({log.senior_id for log in unresolved}))
    return TemplateResponse(request, "portal/handover.html", context)


@require_POST
def leave_note(request: HttpRequest) -> HttpResponse:
    """Keeps a note for the next shift."""
    text = request.POST.get("text", "").strip().replace("\0", "")[:2000]
    if text:
        ShiftNote.objects.create(staff=person_of(request), text=text)
    return redirect("admin:handover")
