from __future__ import annotations

from django.urls import path

from .api import ActivationView, RiskView, SeniorWeightsView, WeightsView
from .worker_api import TrainingView, WeightProblemView

urlpatterns = [
    path("ai/weights", WeightsView.as_view(), name="ai-weights"),
    path("ai/weights/<int:senior_id>", SeniorWeightsView.as_view(), name="ai-senior-weights"),
    path("ai/weights/<int:weight_id>/activate", ActivationView.as_view(), name="ai-activate-weights"),
    path("ai/weights/<int:weight_id>/problems", WeightProblemView.as_view(), name="ai-weight-problems"),
    path("ai/training/<int:run_id>", TrainingView.as_view(), name="ai-training"),
    path("ai/risk", RiskView.as_view(), name="ai-risk"),
]
