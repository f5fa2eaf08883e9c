from __future__ import annotations

from django.urls import path

from . import api

OWN = "notification-endpoints/<int:endpoint_id>"
urlpatterns = [
    path("notification-channels", api.ChannelsView.as_view(), name="api-notification-channels"),
    path("notification-endpoints", api.EndpointListView.as_view(), name="api-notification-endpoints"),
    path(OWN, api.EndpointView.as_view(), name="api-notification-endpoint"),
    path(f"{OWN}/verify", api.VerifyView.as_view(), name="api-verify-endpoint"),
    path(f"{OWN}/code", api.SendCodeView.as_view(), name="api-send-code"),
    path(f"{OWN}/test", api.TestView.as_view(), name="api-test-endpoint"),
    path("notifications", api.NotificationListView.as_view(), name="api-notifications"),
    path("notifications/<uuid:notification_id>/received", api.ReceivedView.as_view(), name="api-received"),
    path("notifications/<uuid:notification_id>/still-on-it", api.StillOnItView.as_view(), name="api-still-on-it"),
    path("deliveries/<uuid:delivery_id>/acknowledge", api.AcknowledgeDeliveryView.as_view(), name="api-ack-delivery"),
]
