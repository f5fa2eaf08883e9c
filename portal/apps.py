from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = _("안부")
    default = True

    def ready(self) -> None:
        # the system checks register themselves; every process that sends tasks needs the Celery application
        from portal import celery, checks  # noqa: F401


class PortalAdminConfig(AdminConfig):
    default = False
    default_site = "portal.admin_site.PortalAdminSite"
