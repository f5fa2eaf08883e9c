from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db.models.functions import Now

from monitoring.alerting import resolve
from monitoring.models import AlertDelivery
from monitoring.outbox import announce
from monitoring.ownership import acknowledge
from monitoring.recipients import grant_access
from seniors.models import AccessGrant, Senior
from tests.monitoring.emergencies import raised

if TYPE_CHECKING:
    from seniors.models import Staff

pytestmark = pytest.mark.django_db


def sees(staff: Staff, senior: Senior) -> bool:
    return Senior.objects.visible_to(staff).filter(pk=senior.pk).exists()


def test_an_alert_lets_its_receiver_see_that_senior(senior: Senior, kim: Staff, lee: Staff) -> None:
    log = raised(senior)
    assert not sees(lee, senior)
    announce(log, "changed", alert=[lee], reason="escalated")
    assert sees(lee, senior)
    assert acknowledge(log.pk, lee).acknowledged_by == lee


def test_it_opens_the_emergency_to_a_stranger_and_not_to_its_caseworker(senior: Senior, kim: Staff, lee: Staff) -> None:
    log = raised(senior)
    announce(log, "changed", alert=[kim, lee], reason="escalated")
    announce(log, "changed", alert=[kim, lee], reason="escalated")
    opens = AlertDelivery.objects.filter(log=log).order_by("outbox").values_list("staff", "opens")
    assert set(opens[1:3]) == {(kim.pk, False), (lee.pk, True)}
    assert set(opens[3:]) == {(kim.pk, False), (lee.pk, False)}


def test_access_ends_24_hours_after_the_resolution(senior: Senior, kim: Staff, lee: Staff) -> None:
    log = raised(senior)
    announce(log, "changed", alert=[lee], reason="escalated")
    resolve(log.pk, kim, "real")
    assert sees(lee, senior)
    left = AccessGrant.objects.filter(until__gt=Now() + timedelta(hours=23, minutes=59))
    assert left.filter(until__lte=Now() + timedelta(hours=24)).exists()
    AccessGrant.objects.update(until=Now() - timedelta(seconds=1))
    assert not sees(lee, senior)


def test_who_sees_the_senior_anyway_gets_no_grant(senior: Senior, kim: Staff, park: Staff) -> None:
    log = raised(senior)
    announce(log, "changed", alert=[kim, park], reason="escalated")
    assert not AccessGrant.objects.exists()


def test_a_guardian_sees_nothing_by_a_grant(senior: Senior, guardian: Staff, lee: Staff) -> None:
    other = Senior.objects.visible_to(lee).get()
    log = raised(other)
    grant_access([guardian], other.pk, log.pk)
    assert not sees(guardian, other)
