"""The list of seniors: who needs a look first, found by name or address, filtered by risk and hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import QueryDict
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache

from devices.models import IoTHub
from monitoring.models import RiskState
from portal.api.senior_rows import choose, senior_rows
from portal.pages.attention import ORDER, ByAttention
from portal.pages.desk import person_of
from portal.pages.person_words import tone_of
from seniors.access_log import record_request
from seniors.capped_pages import CappedPaginator

if TYPE_CHECKING:
    from django.http import HttpRequest

    from seniors.models import Staff

PAGE_SIZE = 50
HUB_LABELS = dict(IoTHub.Status.choices)


@never_cache
def show_care_list(request: HttpRequest) -> TemplateResponse:
    chosen = read_choice(request.GET)
    page = CappedPaginator(find_seniors(person_of(request), chosen), PAGE_SIZE).get_page(request.GET.get("page"))
    now = timezone.now()
    rows = [_row(senior, now) for senior in page]
    if rows:
        record_request(request, "seniors.list", [row["senior"].pk for row in rows])
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": pgettext("plural", "어르신"),
        "page": page,
        "rows": rows,
        "chosen": chosen,
        "risk_levels": RiskState.Level.choices,
        "hub_states": IoTHub.Status.choices,
    }
    return TemplateResponse(request, "portal/care_list.html", context)


def read_choice(query: QueryDict) -> dict[str, str]:
    """What the page was asked to narrow down to; a value that is none of the choices is as good as not said."""
    risk, hub_status = query.get("risk", ""), query.get("hub_status", "")
    return {
        "search": query.get("search", "").strip()[:100],
        "risk": risk if risk in RiskState.Level.values else "",
        "hub_status": hub_status if hub_status in IoTHub.Status.values else "",
    }


def find_seniors(user: Staff, chosen: dict[str, str]) -> Any:
    """Unresolved emergencies first, then by risk, then the longest silence; for a paginator."""
    if not any(chosen.values()):
        return ByAttention(user)
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in chosen.items() if value})
    return choose(senior_rows(user), query).order_by(*ORDER)


def _row(senior: Any, now: Any) -> dict[str, Any]:
    risk = getattr(senior, "risk", None)
    return {
        "senior": senior,
        "risk": risk,
        "tone": tone_of(risk, now),
        "hub_label": HUB_LABELS.get(senior.hub_status, ""),
    }
