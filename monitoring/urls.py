from __future__ import annotations

from django.urls import include, path

from . import absence_api, api, camera_api, emergency_actions, notice_api, report_api, roster_api

urlpatterns = [
    path("emergencies", api.EmergencyListView.as_view(), name="api-emergencies"),
    path("emergencies/<int:log_id>", api.EmergencyView.as_view(), name="api-emergency"),
    path("emergencies/<int:log_id>/acknowledge", emergency_actions.AcknowledgeView.as_view(), name="api-acknowledge"),
    path("emergencies/<int:log_id>/resolve", emergency_actions.ResolveView.as_view(), name="api-resolve"),
    path("emergencies/<int:log_id>/reopen", emergency_actions.ReopenView.as_view(), name="api-reopen"),
    path("emergencies/<int:log_id>/progress", emergency_actions.ProgressView.as_view(), name="api-progress"),
    path("emergencies/<int:log_id>/snooze", emergency_actions.SnoozeView.as_view(), name="api-snooze"),
    path("emergencies/<int:log_id>/assign", emergency_actions.AssignView.as_view(), name="api-assign"),
    path("seniors/<int:senior_id>/emergencies", api.SeniorEmergencyListView.as_view(), name="api-senior-emergencies"),
    path("seniors/<int:senior_id>/activity", api.ActivityView.as_view(), name="api-activity"),
    path("duties", roster_api.DutyListView.as_view(), name="api-duties"),
    path("duties/<int:duty_id>", roster_api.DutyView.as_view(), name="api-duty"),
    path("notices", notice_api.NoticeListView.as_view(), name="api-notices"),
    path("notices/<int:notice_id>/seen", notice_api.NoticeSeenView.as_view(), name="api-notice-seen"),
    path("tasks", notice_api.TaskListView.as_view(), name="api-tasks"),
    path("tasks/<int:task_id>/done", notice_api.TaskDoneView.as_view(), name="api-task-done"),
    path("seniors/<int:senior_id>/absence", absence_api.AbsenceView.as_view(), name="api-absence"),
    path(
        "seniors/<int:senior_id>/absence/confirm",
        absence_api.AbsenceConfirmedView.as_view(),
        name="api-absence-confirmed",
    ),
    path("seniors/<int:senior_id>/view-tokens", camera_api.ViewTokenView.as_view(), name="api-view-tokens"),
    path("camera-views/<int:view_id>/review", camera_api.ReviewView.as_view(), name="api-review-view"),
    path("whep", camera_api.WhepView.as_view(), name="api-whep"),
    path("whep/<slug:stream_id>", camera_api.WhepSessionView.as_view(), name="api-whep-session"),
    path("reports/response-times", report_api.ResponseTimesView.as_view(), name="api-response-times"),
    path("reports/response-times.csv", report_api.ResponseTimesTableView.as_view(), name="api-response-times-table"),
    path("hub/events", api.HubEventsView.as_view(), name="api-hub-events"),
    path("", include("monitoring.notification.urls")),
]
