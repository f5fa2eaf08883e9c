"""Weights that a worker would not use are written down once, and the operators hear of them."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from ai.models import WeightProblem
from ai.service_accounts import issue_service_account
from monitoring.notification.models import Notification
from seniors.models import Staff

from .rows import make_live_weights, make_senior

pytestmark = [
    pytest.mark.django_db(databases=["default", "timeseries"]),
    pytest.mark.usefixtures("bucket"),
]


def test_a_problem_is_one_row_however_often_it_is_reported_and_operators_are_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monitoring.notification.operators.mail.is_configured", lambda: True)
    Staff.objects.create_superuser("operator@anbu.example", full_name="운영자")
    weight = make_live_weights(make_senior())
    worker = Client(headers={"authorization": f"Api-Key {issue_service_account('scoring-1')}"})
    path, body = f"/api/v1/ai/weights/{weight.pk}/problems", json.dumps({"detail": "the checksum does not fit"})
    for _ in range(2):
        assert worker.post(path, body, content_type="application/json").status_code == 204
    assert WeightProblem.objects.get().detail == "the checksum does not fit"
    (notification,) = Notification.objects.filter(values__code=f"weights:{weight.senior_id}:{weight.pk}")
    assert "the checksum does not fit" in notification.values["text"]
    assert notification.address == "operator@anbu.example"
