"""The desk: everything that waits for a person, and the same in parts, which the page fetches anew on each hint."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models.functions import Now
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from monitoring import notices
from portal.pages import board
from seniors.access_log import record_request
from seniors.models import AccessLog, Staff

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

MOST_NOTICES = 30
SEEN_AGAIN_AFTER = timedelta(minutes=10)


def emergencies_part(user: Staff) -> dict[str, Any]:
    cards = board.list_cards(user)
    return {"cards": cards, "untaken": sum(card.is_open for card in cards)}


def notices_part(user: Staff) -> dict[str, Any]:
    return {"notices": list(notices.open_for(user).select_related("senior")[:MOST_NOTICES])}


def watched_part(user: Staff) -> dict[str, Any]:
    return {"watched": board.list_watched(user)}


def homes_part(user: Staff) -> dict[str, Any]:
    return {"homes": board.count_homes(user)}


def faults_part(user: Staff) -> dict[str, Any]:
    return {"faults": board.list_fault_cards(user)}


def alert_bar_part(user: Staff) -> dict[str, Any]:
    return {"cards": [card for card in board.list_cards(user) if card.is_open]}


# part of the page -> (template, what it shows)
PARTS: dict[str, tuple[str, Callable[[Staff], dict[str, Any]]]] = {
    "emergencies": ("portal/parts/emergencies.html", emergencies_part),
    "notices": ("portal/parts/notices.html", notices_part),
    "watched": ("portal/parts/watched.html", watched_part),
    "homes": ("portal/parts/homes.html", homes_part),
    "faults": ("portal/parts/faults.html", faults_part),
    "alert-bar": ("portal/parts/alert_bar.html", alert_bar_part),
}


@never_cache
def show_desk(request: HttpRequest) -> TemplateResponse:
    """The admin site's first page."""
    user = person_of(request)
    parts = emergencies_part(user) | notices_part(user) | watched_part(user) | homes_part(user) | faults_part(user)
    record_sight(request, [card.emergency.senior_id for card in parts["cards"]])
    context = {**admin.site.each_context(request), **parts, "title": _("관제"), "is_desk": True}
    return TemplateResponse(request, "portal/desk.html", context)


@never_cache
def show_part(request: HttpRequest, part: str) -> HttpResponse:
    """One part of the desk as HTML."""
    if part not in PARTS:
        raise Http404
    template, gather = PARTS[part]
    parts = gather(person_of(request))
    # a senior's own page shows that senior's emergencies itself
    besides = request.GET.get("besides", "")
    parts["cards"] = [card for card in parts.get("cards", []) if str(card.emergency.senior_id) != besides]
    record_sight(request, [card.emergency.senior_id for card in parts["cards"]])
    return render(request, template, parts)


def record_sight(request: HttpRequest, senior_ids: list[int]) -> None:
    """One access row for each senior on the desk, and not one more for each time that the page draws itself anew."""
    if not senior_ids:
        return
    recent = AccessLog.objects.filter(
        staff=person_of(request),
        senior_id__in=senior_ids,
        action="desk.view",
        accessed_at__gt=Now() - SEEN_AGAIN_AFTER,
    )
    unseen = set(senior_ids) - set(recent.values_list("senior_id", flat=True))
    if unseen:
        record_request(request, "desk.view", [senior_id for senior_id in unseen if senior_id is not None])


def person_of(request: HttpRequest) -> Staff:
    """The person of a request that has passed the admin site's door."""
    if not isinstance(request.user, Staff):
        raise Http404
    return request.user
