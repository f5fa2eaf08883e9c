"""One senior: how they are now, their emergencies, their day by sensor, their home, and who looked. Tabs are URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q, Value
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.cache import never_cache

from ai.models import AIWeight
from devices.models import IoTHub
from monitoring.absence_models import Absence
from monitoring.models import EmergencyLog
from portal.pages import senior_model, senior_tabs
from portal.pages.board import SEVERITY_RANK, STATUS_RANK, latest_checks
from portal.pages.desk import person_of
from portal.pages.person_words import describe_to_staff, tone_of
from seniors.access_log import record_request
from seniors.models import Senior

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django_stubs_ext import StrPromise

    from portal.pages.senior_tabs import State


ABSENCES_SHOWN = 6
# in the order of the tabs
TABS: dict[str, tuple[StrPromise, Callable[[HttpRequest, Senior, State], dict[str, Any]]]] = {
    "now": (_("지금"), senior_tabs.gather_now),
    "activity": (_("2주 활동"), senior_tabs.gather_activity),
    "camera": (_("카메라"), lambda request, senior, state: {}),
    "emergencies": (_("응급 기록"), senior_tabs.gather_emergencies),
    "profile": (_("정보와 담당"), senior_tabs.gather_profile),
    "home": (_("허브와 센서"), senior_tabs.gather_home),
    "model": (_("판단 기준"), senior_model.gather_model),
    "events": (pgettext_lazy("plural", "센서 기록"), senior_tabs.gather_events),
    "access": (_("열람 기록"), senior_tabs.gather_access),
}


@never_cache
def show_senior(request: HttpRequest, senior_id: int, tab: str = "now") -> TemplateResponse:
    """One tab of one senior's page; 404 for a senior whom this person may not know of."""
    user = person_of(request)
    senior = get_object_or_404(Senior.objects.visible_to(user).select_related("risk", "entry_code"), pk=senior_id)
    if tab not in TABS:
        raise Http404
    _label, gather = TABS[tab]
    record_request(request, f"senior.{tab}", senior.pk)
    state = describe_state(senior)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        **state,
        **gather(request, senior, state),
        "title": senior.full_name,
        "senior": senior,
        "tab": tab,
        "tabs": [(name, label) for name, (label, _gather) in TABS.items()],
    }
    return TemplateResponse(request, f"portal/care/{tab}.html", context)


def describe_state(senior: Senior) -> State:
    """What the head of every tab says."""
    now = timezone.now()
    unresolved = list(
        EmergencyLog.objects.filter(senior=senior, status__in=EmergencyLog.UNRESOLVED)
        .select_related("senior", "acknowledged_by")
        .order_by(STATUS_RANK, SEVERITY_RANK, "occurred_at")
    )
    live = Q(keys__revoked_at=None)
    keys = ArrayAgg("keys__prefix", filter=live, default=Value([]))
    hubs = list(IoTHub.objects.filter(senior=senior).annotate(key_prefixes=keys).order_by("-hub_id"))
    absences = list(Absence.objects.filter(senior=senior)[:ABSENCES_SHOWN])
    hub = next((one for one in hubs if one.deregistered_at is None), None)
    risk = getattr(senior, "risk", None)
    check = latest_checks([senior.pk]).get(senior.pk)
    weights = AIWeight.objects.filter(senior=senior, is_active=True).first()
    return {
        "condition": describe_to_staff(unresolved, risk, hub, now),
        "unresolved": unresolved,
        "hubs": hubs,
        "hub": hub,
        "risk": risk,
        "tone": tone_of(risk, now),
        "check": check,
        "robot_busy": check is not None and check.status in check.RUNNING,
        "weights": weights,
        "is_learning": weights is None or bool((weights.metrics or {}).get("learning")),
        "absence": next((one for one in absences if one.ended_at is None and one.starts_at <= now < one.ends_at), None),
        "past_absences": [one for one in absences if one.ended_at is not None or one.ends_at <= now],
    }
