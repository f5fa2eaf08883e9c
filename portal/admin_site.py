"""The staff's site: Django's own admin under our name and theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _

from seniors.models import Staff

if TYPE_CHECKING:
    from django.http import HttpRequest


class PortalAdminSite(AdminSite):
    site_header = _("안부")
    site_title = _("안부")
    index_title = _("관제")
    site_url = None
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Caseworkers and supervisors; guardians have pages of their own."""
        return isinstance(request.user, Staff) and request.user.is_active and request.user.is_staff
