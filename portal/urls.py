"""Every HTTP path, but for the hub ingest path, which stands before Django (portal/asgi.py)."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import PasswordResetCompleteView, PasswordResetDoneView
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from portal.api import errors as api_errors
from portal.api import seniors as senior_api
from portal.operation import health
from portal.pages import accounts as account_pages
from portal.pages import family as family_page
from portal.pages import notifications as notification_page
from portal.pages import offline as offline_page

handler500 = "portal.store_outage.answer_server_error"

urlpatterns = [
    path("", account_pages.go_home, name="home"),
    path("admin/", admin.site.urls),
    path("family/", family_page.show_family, name="family"),
    path("family/state/", family_page.show_family_state, name="family_state"),
    path("account/notifications/", notification_page.show_notifications, name="notifications"),
    path("account/notifications/state/", notification_page.show_notifications_state, name="notifications_state"),
    path("offline/", offline_page.show_offline, name="offline"),
    path("service-worker.js", notification_page.serve_service_worker, name="service_worker"),
    path("manifest.webmanifest", notification_page.serve_manifest, name="manifest"),
    path("account/language/", account_pages.choose_language, name="choose_language"),
    # the admin's log-in page looks for the first of these names
    path("account/reset/", account_pages.PasswordReset.as_view(), name="admin_password_reset"),
    path("account/reset/sent/", PasswordResetDoneView.as_view(), name="password_reset_done"),
    path(
        "account/reset/<uidb64>/<token>/", account_pages.PasswordResetConfirm.as_view(), name="password_reset_confirm"
    ),
    path("account/reset/done/", PasswordResetCompleteView.as_view(), name="password_reset_complete"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
    path("api/v1/seniors", senior_api.SeniorListView.as_view(), name="api-seniors"),
    path("api/v1/seniors/<int:senior_id>", senior_api.SeniorView.as_view(), name="api-senior"),
    path("api/v1/", include("seniors.urls")),
    path("api/v1/", include("devices.urls")),
    path("api/v1/", include("monitoring.urls")),
    path("api/v1/", include("ai.urls")),
    re_path(r"^api/", api_errors.answer_not_found),
    path("healthz", health.answer_alive, name="healthz"),
    path("readyz", health.answer_ready, name="readyz"),
    path("metrics", health.answer_metrics, name="metrics"),
]
