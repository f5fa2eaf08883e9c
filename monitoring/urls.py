from __future__ import annotations

from django.urls import path

from . import api

urlpatterns = [
    path("emergencies", api.EmergencyListView.as_view(), name="api-emergencies"),
    path("emergencies/<int:log_id>", api.EmergencyView.as_view(), name="api-emergency"),
    path("emergencies/<int:log_id>/acknowledge", api.AcknowledgeView.as_view(), name="api-acknowledge"),
    path("emergencies/<int:log_id>/resolve", api.ResolveView.as_view(), name="api-resolve"),
    path("seniors/<int:senior_id>/emergencies", api.SeniorEmergencyListView.as_view(), name="api-senior-emergencies"),
    path("seniors/<int:senior_id>/activity", api.ActivityView.as_view(), name="api-activity"),
    path("hub/events", api.HubEventsView.as_view(), name="api-hub-events"),
]
