from __future__ import annotations

from django.urls import path

from .consumers import StaffConsumer

websocket_urlpatterns = [path("ws/staff/", StaffConsumer.as_asgi())]  # type: ignore[arg-type]  # path() is typed for views alone
