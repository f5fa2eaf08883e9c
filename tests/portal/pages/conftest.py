"""Pages as a browser gets them; static files are named as in the sources, since nothing is collected here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from monitoring.alerting import Cause, raise_emergency
from monitoring.models import EmergencyLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

    from seniors.models import Senior, Staff


@pytest.fixture(autouse=True)
def plain_static_names(settings: Settings) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def browse(client: Client) -> Callable[[Staff], Client]:
    """A browser in which that person is logged in."""

    def log_in(person: Staff) -> Client:
        client.force_login(person)
        return client

    return log_in


@pytest.fixture
def happen(db: None) -> Callable[..., EmergencyLog]:
    """Raises an emergency the way all are raised."""

    def happen_to(senior: Senior, event_type: str = "fall_detection", **fields: Any) -> EmergencyLog:
        defaults = {
            "severity": "medium",
            "description": "거실에서 낙상 감지 신호가 왔습니다.",
            "occurred_at": timezone.now(),
            "source": f"{senior.pk}:{event_type}",
        }
        cause = Cause(senior_id=senior.pk, event_type=event_type, **{**defaults, **fields})
        return EmergencyLog.objects.get(pk=raise_emergency(cause).log_id)

    return happen_to
