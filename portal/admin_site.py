"""The staff's site: Django's own admin under our name and theme, with the desk as its first page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.admin import AdminSite
from django.db import transaction
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.pages import roster_calendar, statistics, today, visit
from portal.pages.accounts import LoginForm
from portal.pages.camera_check import begin_camera_check, show_camera_check
from portal.pages.desk import show_desk, show_part
from portal.pages.drill import begin_drill
from portal.pages.emergency import show_emergency, show_emergency_state
from portal.pages.emergency_card import show_card
from portal.pages.installation import show_installation, show_key, show_progress, show_sheet, show_start
from portal.pages.senior_list import show_care_list
from portal.pages.senior_page import show_senior
from portal.pages.staff_search import find_staff
from seniors.models import Staff
from seniors.revocations import revoke_session

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.template.response import TemplateResponse
    from django.urls import URLPattern, URLResolver
    from django_stubs_ext import StrPromise


@dataclass(frozen=True)
class NavEntry:
    """A line of the sidebar. `under` are path prefixes that belong to it besides its own."""

    label: StrPromise
    url_name: str
    icon: str
    who: str = "staff"
    under: tuple[str, ...] = ()

    def is_for(self, person: Staff) -> bool:
        return (
            self.who == "staff"
            or (self.who == "supervisor" and person.is_supervisor)
            or (self.who == "operator" and person.is_superuser)
        )


NAVIGATION = [
    NavEntry(_("관제"), "admin:index", "desk"),
    NavEntry(_("오늘 할 일"), "admin:today", "today", under=("/admin/visits/",)),
    NavEntry(pgettext_lazy("plural", "어르신"), "admin:care_list", "people", under=("/admin/seniors/senior/",)),
    NavEntry(
        pgettext_lazy("plural", "응급 상황"),
        "admin:monitoring_emergencylog_changelist",
        "emergency",
        under=("/admin/emergencies/",),
    ),
    NavEntry(pgettext_lazy("plural", "기기 장애"), "admin:devices_fault_changelist", "fault"),
    NavEntry(pgettext_lazy("plural", "홈 허브"), "admin:devices_iothub_changelist", "hub"),
    NavEntry(_("당직표"), "admin:roster", "roster", under=("/admin/monitoring/duty/",)),
    NavEntry(_("통계"), "admin:statistics", "statistics"),
    NavEntry(pgettext_lazy("plural", "알림 수단"), "notifications", "bell"),
    NavEntry(_("직원"), "admin:seniors_staff_changelist", "staff", "supervisor"),
    NavEntry(_("알림 단계"), "admin:monitoring_escalationpolicy_changelist", "emergency", "supervisor"),
    NavEntry(_("가중치"), "admin:ai_aiweight_changelist", "weights", "supervisor"),
    NavEntry(_("열람 기록"), "admin:seniors_accesslog_changelist", "log", "supervisor"),
    NavEntry(_("일정"), "admin:django_celery_beat_periodictask_changelist", "schedule", "operator"),
]


class PortalAdminSite(AdminSite):
    site_header = _("안부")
    site_title = _("안부")
    index_title = _("관제")
    site_url = None
    enable_nav_sidebar = True
    login_form = LoginForm

    def has_permission(self, request: HttpRequest) -> bool:
        """Caseworkers and supervisors; guardians have pages of their own."""
        return isinstance(request.user, Staff) and request.user.is_active and request.user.is_staff

    def get_urls(self) -> list[URLResolver | URLPattern]:
        pages: list[URLResolver | URLPattern] = [
            path("camera-check/", self.admin_view(show_camera_check), name="camera_check"),
            path("camera-check/begin/", self.admin_view(begin_camera_check), name="camera_check_begin"),
            path("parts/<slug:part>/", self.admin_view(show_part), name="part"),
            path("drill/", self.admin_view(begin_drill), name="drill"),
            path("today/", self.admin_view(today.show_today), name="today"),
            path("today/tasks/", self.admin_view(today.show_tasks), name="today_tasks"),
            path("today/handover/", self.admin_view(today.show_handover), name="handover"),
            path("today/handover/note/", self.admin_view(today.leave_note), name="handover_note"),
            path("visits/<int:senior_id>/", self.admin_view(visit.show_visit), name="visit"),
            path("visits/<int:senior_id>/keep/", self.admin_view(visit.keep_visit), name="visit_keep"),
            path("roster/", self.admin_view(roster_calendar.show_roster), name="roster"),
            path("statistics/", self.admin_view(statistics.show_statistics), name="statistics"),
            path("statistics/download/", self.admin_view(statistics.download_statistics), name="statistics_download"),
            path("care/", self.admin_view(show_care_list), name="care_list"),
            path("care/<int:senior_id>/", self.admin_view(show_senior), name="care"),
            path("care/<int:senior_id>/card/", self.admin_view(show_card), name="care_card"),
            path("staff/find/", self.admin_view(find_staff), name="find_staff"),
            path("care/<int:senior_id>/<slug:tab>/", self.admin_view(show_senior), name="care_tab"),
            path("installation/", self.admin_view(show_start), name="installation"),
            path("installation/<int:hub_id>/", self.admin_view(show_installation), name="installation_hub"),
            path("installation/<int:hub_id>/progress/", self.admin_view(show_progress), name="installation_progress"),
            path("installation/<int:hub_id>/key/", self.admin_view(show_key), name="installation_key"),
            path("installation/<int:hub_id>/sheet/", self.admin_view(show_sheet), name="installation_sheet"),
            path("emergencies/<int:log_id>/", self.admin_view(show_emergency), name="emergency"),
            path("emergencies/<int:log_id>/state/", self.admin_view(show_emergency_state), name="emergency_state"),
        ]
        return pages + super().get_urls()

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return show_desk(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Our sidebar lists what there is: only the page of one app asks for Django's list, which costs queries."""
        return super().get_app_list(request, app_label) if app_label else []

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if isinstance(request.user, Staff) and request.user.is_guardian:
            return redirect("family")
        return super().login(request, extra_context)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        if request.method == "POST":
            with transaction.atomic():  # a log-out whose sockets stay open would be none
                revoke_session(request.session.session_key)
                return super().logout(request, extra_context)
        return super().logout(request, extra_context)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        if self.has_permission(request) and isinstance(request.user, Staff):
            context["navigation"] = list_navigation(request.user, request.path)
        return context


def list_navigation(person: Staff, current: str) -> list[dict[str, Any]]:
    """The sidebar for this person, with the line of the current page marked."""
    lines = []
    for entry in NAVIGATION:
        if not entry.is_for(person):
            continue
        url = reverse(entry.url_name)
        prefixes = (url, *entry.under)
        is_current = current == url if entry.url_name == "admin:index" else current.startswith(prefixes)
        lines.append({"label": entry.label, "url": url, "icon": entry.icon, "is_current": is_current})
    return lines
