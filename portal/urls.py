"""Every HTTP path, but for the hub ingest path, which stands before Django (portal/asgi.py)."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

handler500 = "portal.store_outage.answer_server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
]
