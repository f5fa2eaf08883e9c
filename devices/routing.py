from __future__ import annotations

from django.urls import path

from .consumers import HubConsumer

websocket_urlpatterns = [path("ws/hub/", HubConsumer.as_asgi())]  # type: ignore[arg-type]  # path() is typed for views alone
