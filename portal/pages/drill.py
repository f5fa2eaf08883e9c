"""Starts an alarm drill from the desk: supervisors alone, about a senior of their choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from monitoring.alerting import AnotherUnresolved
from monitoring.drills import start_drill
from portal.pages.desk import person_of
from seniors.access_log import record_request
from seniors.models import Senior

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_POST
def begin_drill(request: HttpRequest) -> HttpResponse:
    user = person_of(request)
    if not user.is_supervisor:
        raise PermissionDenied
    chosen = request.POST.get("senior", "")
    if not chosen.isdigit():
        messages.error(request, _("훈련할 어르신을 목록에서 골라 주세요."))
        return redirect("admin:index")
    senior = get_object_or_404(Senior.objects.visible_to(user), pk=int(chosen))
    try:
        log_id = start_drill(senior.pk)
    except AnotherUnresolved:
        messages.error(request, _("이 어르신에게 끝나지 않은 긴급 호출이 있어 훈련할 수 없습니다."))
        return redirect("admin:index")
    record_request(request, "drill.start", senior.pk, log_id=log_id)
    return redirect("admin:emergency", log_id=log_id)
