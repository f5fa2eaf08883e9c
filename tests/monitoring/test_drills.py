"""An alarm drill goes the whole way and is never taken for real, nor a real call for a drill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from monitoring import alerting
from monitoring.drills import start_drill
from monitoring.models import AlertDelivery, EmergencyLog

if TYPE_CHECKING:
    from django.test import Client

    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db


def test_it_alerts_the_caseworkers_and_climbs_on(senior: Senior, kim: Staff) -> None:
    drill = EmergencyLog.objects.get(pk=start_drill(senior.pk))
    assert (drill.test, drill.is_drill, drill.test_due_at) == (True, True, None)
    assert drill.step_due_at is not None
    assert AlertDelivery.objects.filter(log=drill, staff=kim).exists()


def test_it_is_refused_where_a_real_call_stands(senior: Senior, kim: Staff) -> None:
    start_drill(senior.pk)
    with pytest.raises(alerting.AnotherUnresolved):
        start_drill(senior.pk)


def test_a_drill_that_was_ended_and_opened_again_is_still_one(senior: Senior, kim: Staff) -> None:
    log_id = start_drill(senior.pk)
    alerting.resolve(log_id, kim, "test")
    assert alerting.reopen(log_id, kim).is_drill
    assert EmergencyLog.objects.get(pk=log_id).is_drill


def test_only_supervisors_start_one(client: Client, senior: Senior, kim: Staff, park: Staff) -> None:
    client.force_login(kim)
    assert client.post(reverse("admin:drill"), {"senior": senior.pk}).status_code == 403
    client.force_login(park)
    assert client.post(reverse("admin:drill"), {"senior": senior.pk}).status_code == 302
    assert EmergencyLog.objects.get(senior=senior).is_drill
