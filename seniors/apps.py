from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SeniorsConfig(AppConfig):
    name = "seniors"
    verbose_name = _("사람")
    default_auto_field = "django.db.models.BigAutoField"
