"""A senior's page: who sees it, what its tabs say, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitoring.models import SensorLog
from portal.pages.senior_page import TABS
from seniors.models import AccessLog, Contact

if TYPE_CHECKING:
    from django.test import Client

    from devices.models import IoTHub
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])


@pytest.mark.parametrize("tab", [name for name in TABS if name != "now"])
def test_each_tab_is_for_those_who_care_for_the_senior(
    client: Client, senior: Senior, hub: IoTHub, kim: Staff, lee: Staff, park: Staff, guardian: Staff, tab: str
) -> None:
    url = f"/admin/care/{senior.pk}/{tab}/"
    for person, status in ((kim, 200), (park, 200), (lee, 404), (guardian, 302)):
        client.force_login(person)
        assert client.get(url).status_code == status, person.full_name
    assert AccessLog.objects.filter(senior_id=senior.pk, action=f"senior.{tab}", staff=kim).exists()
    assert not AccessLog.objects.filter(senior_id=senior.pk, staff=lee).exists()


@pytest.mark.parametrize("tab", TABS)
def test_no_tab_costs_more_than_twelve_queries(
    client: Client, senior: Senior, hub: IoTHub, kim: Staff, tab: str
) -> None:
    now = timezone.now()
    SensorLog.objects.using("timeseries").bulk_create(
        SensorLog(hub_id=hub.hub_id, timestamp=now - timedelta(minutes=n), sensor_id="bed", sensor_value=True)
        for n in range(50)
    )
    client.force_login(kim)
    with (
        CaptureQueriesContext(connections["default"]) as people,
        CaptureQueriesContext(connections["timeseries"]) as events,
    ):
        client.get(f"/admin/care/{senior.pk}/" if tab == "now" else f"/admin/care/{senior.pk}/{tab}/")
    statements = [query["sql"][:90] for query in (*people.captured_queries, *events.captured_queries)]
    assert len(statements) <= 12, "\n".join(statements)


def test_a_home_without_a_hub_says_so(client: Client, senior: Senior, kim: Staff) -> None:
    client.force_login(kim)
    assert "아직 허브가 없습니다" in client.get(f"/admin/care/{senior.pk}/home/").content.decode()


def test_until_weights_are_trusted_the_page_says_that_it_learns(client: Client, senior: Senior, kim: Staff) -> None:
    client.force_login(kim)
    assert "학습 중" in client.get(f"/admin/care/{senior.pk}/").content.decode()


def test_contacts_stand_in_their_order(client: Client, senior: Senior, kim: Staff) -> None:
    Contact.objects.create(senior=senior, position=2, full_name="이웃 최씨", phone="02-1", holds_key=True)
    Contact.objects.create(senior=senior, position=1, full_name="큰딸", phone="010-1")
    client.force_login(kim)
    for page in ("profile", "card"):
        text = client.get(f"/admin/care/{senior.pk}/{page}/").content.decode()
        assert text.index("큰딸") < text.index("이웃 최씨")
        assert "열쇠 있음" in text
