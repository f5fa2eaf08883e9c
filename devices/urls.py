from __future__ import annotations

from django.urls import path

from . import api, whip_api

urlpatterns = [
    path("seniors/<int:senior_id>/hub", api.SeniorHubView.as_view()),
    path("seniors/<int:senior_id>/safety-checks", api.SeniorSafetyCheckView.as_view()),
    path("hubs/<int:hub_id>", api.HubView.as_view()),
    path("hubs/<int:hub_id>/claim-code", api.HubClaimCodeView.as_view()),
    path("hub/claim", api.HubClaimView.as_view()),
    path("hubs/<int:hub_id>/test", api.HubTestView.as_view()),
    path("hubs/<int:hub_id>/api-key", api.HubKeyView.as_view()),
    path("safety-checks/<int:check_id>", api.SafetyCheckView.as_view()),
    path("faults", api.FaultListView.as_view()),
    path("faults/<int:fault_id>/seen", api.FaultSeenView.as_view()),
    path("hub/whip", whip_api.WhipView.as_view(), name="api-whip"),
    path("hub/whip/<slug:stream_id>", whip_api.WhipSessionView.as_view(), name="api-whip-session"),
    path("hub/config", api.HubConfigView.as_view()),
]
