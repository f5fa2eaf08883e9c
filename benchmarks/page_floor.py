"""The floor under our pages: one query, the same rows, the same middleware, session and templates' engine, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpResponse
from django.template import engines
from django.urls import path

from monitoring.models import EmergencyLog
from portal.urls import urlpatterns as product
from seniors.models import Senior, Staff

if TYPE_CHECKING:
    from django.http import HttpRequest

TABLE = """{% extends "admin/base_site.html" %}{% block content %}<table>{% for row in rows %}<tr>{% for cell in row %}
<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table>{% endblock %}"""


def show_list(request: HttpRequest) -> HttpResponse:
    rows = Senior.objects.visible_to(person(request)).order_by("senior_id")
    return draw(request, rows.values_list("senior_id", "full_name", "address", "risk__level", "risk__score")[:50])


def show_desk(request: HttpRequest) -> HttpResponse:
    rows = EmergencyLog.objects.visible_to(person(request)).filter(status__in=EmergencyLog.UNRESOLVED)
    return draw(request, rows.values_list("log_id", "severity", "description", "senior__full_name", "senior__address"))


def draw(request: HttpRequest, rows: object) -> HttpResponse:
    context = {**admin.site.each_context(request), "rows": rows}
    return HttpResponse(engines["django"].from_string(TABLE).render(context, request))


def person(request: HttpRequest) -> Staff:
    if not isinstance(request.user, Staff):
        raise TypeError("the floor is walked by people who are logged in")
    return request.user


urlpatterns = [
    path("floor/list/", admin.site.admin_view(show_list)),
    path("floor/desk/", admin.site.admin_view(show_desk)),
    *product,
]
