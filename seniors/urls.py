from __future__ import annotations

from django.urls import path

from .auth_api import LoginView, LogoutView, MeView
from .entry_code_api import EntryCodeView
from .mapping_api import MappingView

urlpatterns = [
    path("auth/login", LoginView.as_view(), name="api-login"),
    path("auth/logout", LogoutView.as_view(), name="api-logout"),
    path("auth/me", MeView.as_view(), name="api-me"),
    path("seniors/<int:senior_id>/entry-code", EntryCodeView.as_view(), name="api-entry-code"),
    path("seniors/<int:senior_id>/staff/<int:staff_id>", MappingView.as_view(), name="api-mapping"),
]
