"""The guardian's one page: how their person is today, what happened and how it ended, and the video consent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.db.models.functions import Now
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from devices.models import IoTHub
from monitoring.models import EmergencyLog
from portal.pages.person_words import describe_to_family
from seniors.access_log import record_request
from seniors.models import AccessLog, Consent, Senior, Staff

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

HISTORY = timedelta(days=30)
EMERGENCIES_SHOWN = 20
LOOKS_SHOWN = 20


@never_cache
@login_required
def show_family(request: HttpRequest) -> HttpResponse:
    if not _guardian(request):
        return redirect("admin:index")
    context = gather_family(request)
    record_request(request, "family.view", [person["senior"].pk for person in context["people"]])
    return render(request, "portal/family.html", context)


@never_cache
@login_required
def show_family_state(request: HttpRequest) -> HttpResponse:
    """The part of the page that changes, for the page itself."""
    if not _guardian(request):
        raise Http404
    return render(request, "portal/parts/family_state.html", gather_family(request))


def gather_family(request: HttpRequest) -> dict[str, Any]:
    """Nothing here is medical, and nothing names staff or repeats their words."""
    user = request.user
    people = [describe_person(senior) for senior in Senior.objects.visible_to(user).select_related("risk")]
    return {"people": people}


def describe_person(senior: Senior) -> dict[str, Any]:
    now = timezone.now()
    emergencies = list(
        EmergencyLog.objects.filter(senior=senior, occurred_at__gt=now - HISTORY).order_by("-occurred_at")[
            :EMERGENCIES_SHOWN
        ]
    )
    unresolved = list(EmergencyLog.objects.filter(senior=senior, status__in=EmergencyLog.UNRESOLVED))
    hub = IoTHub.objects.registered().filter(senior=senior).first()
    consent = Consent.objects.filter(senior=senior, kind=Consent.Kind.VIDEO, withdrawn_at__isnull=True).first()
    return {
        "senior": senior,
        "condition": describe_to_family(unresolved, getattr(senior, "risk", None), hub, now),
        "unresolved": unresolved,
        "past": [emergency for emergency in emergencies if emergency.status == EmergencyLog.Status.RESOLVED],
        "hub": hub,
        "video_consent": consent,
        "looks": list_looks(senior),
    }


def list_looks(senior: Senior) -> list[AccessLog]:
    """Who asked for the camera and was not refused, newest first. Who and when: why is between them and the office."""
    asked = AccessLog.objects.filter(senior_id=senior.pk, action="video.request", accessed_at__gt=Now() - HISTORY)
    granted = asked.filter(Q(detail__refused__isnull=True) | Q(detail__refused=None))
    return list(granted.select_related("staff").order_by("-accessed_at")[:LOOKS_SHOWN])


def _guardian(request: HttpRequest) -> Staff | None:
    user = request.user
    return user if isinstance(user, Staff) and user.is_guardian else None
