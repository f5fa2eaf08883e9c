from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from devices import safety_checks
from monitoring.alerting import receive_delivery, resolve
from monitoring.models import AlertDelivery
from monitoring.ownership import acknowledge, assign
from seniors.enrollment import map_staff
from tests.factories import make_staff

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from devices.models import IoTHub
    from monitoring.models import EmergencyLog
    from seniors.models import Senior, Staff


@pytest.fixture
def emergency(senior: Senior, kim: Staff, happen: Callable[..., EmergencyLog]) -> EmergencyLog:
    return happen(senior)


pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])


def page(client: Client, emergency: EmergencyLog) -> str:
    answer = client.get(f"/admin/emergencies/{emergency.log_id}/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_stranger_does_not_learn_that_it_exists(client: Client, emergency: EmergencyLog, lee: Staff) -> None:
    client.force_login(lee)
    for path in (f"/admin/emergencies/{emergency.log_id}/", f"/admin/emergencies/{emergency.log_id}/state/"):
        assert client.get(path).status_code == 404


def test_the_facts_stand_on_one_page(
    browse: Callable[[Staff], Client], senior: Senior, emergency: EmergencyLog, kim: Staff, guardian: Staff
) -> None:
    senior.phone, senior.health_info = "02-111-2222", {"병력": ["당뇨", "고혈압"]}
    senior.save()
    html = page(browse(kim), emergency)
    for words in (senior.address, "tel:02-111-2222", "당뇨, 고혈압", guardian.full_name, emergency.description):
        assert words in html


def test_the_timeline_tells_the_whole_story_in_order(
    browse: Callable[[Staff], Client], hub: IoTHub, senior: Senior, emergency: EmergencyLog, kim: Staff
) -> None:
    delivery = AlertDelivery.objects.get(log=emergency, staff=kim)
    receive_delivery(str(delivery.pk), kim.pk)
    acknowledge(emergency.log_id, kim)
    safety_checks.request(senior, kim)
    resolve(emergency.log_id, kim, "real", "가족과 통화함")
    html = page(browse(kim), emergency)
    story = html[html.index('class="timeline"') :]
    places = [
        story.index(f"<strong>{word}</strong>") for word in ("발생", "알림을 보냄", "화면에 표시됨", "접수", "종료")
    ]
    assert places == sorted(places)
    assert "실제 상황 · 가족과 통화함" in story


def test_a_resolved_emergency_offers_nothing_but_to_be_reopened(
    browse: Callable[[Staff], Client], hub: IoTHub, emergency: EmergencyLog, kim: Staff
) -> None:
    resolve(emergency.log_id, kim, "test")
    html = page(browse(kim), emergency)
    assert re.findall(r'data-act="(\w+)"', html[html.index("emergency-head") :]) == ["reopen"]


def test_a_robot_that_is_asking_is_not_asked_again(
    browse: Callable[[Staff], Client], hub: IoTHub, senior: Senior, emergency: EmergencyLog, kim: Staff
) -> None:
    browser = browse(kim)
    assert 'data-act="ask">' in page(browser, emergency)
    safety_checks.request(senior, kim)
    assert 'data-act="ask" disabled' in page(browser, emergency)


def test_a_home_without_a_hub_has_no_robot_to_ask(
    browse: Callable[[Staff], Client], emergency: EmergencyLog, kim: Staff
) -> None:
    assert 'data-act="ask"' not in page(browse(kim), emergency)


def test_the_owner_alone_finds_what_an_owner_can_do(
    browse: Callable[[Staff], Client], emergency: EmergencyLog, kim: Staff, park: Staff
) -> None:
    mine = ('data-state="on_my_way"', 'data-act="snooze"', 'data-act="assign"')
    assert not any(act in page(browse(kim), emergency) for act in mine)
    acknowledge(emergency.log_id, kim)
    assert all(act in page(browse(kim), emergency) for act in mine)
    assert not any(act in page(browse(park), emergency) for act in mine)


def test_whoever_it_is_handed_to_can_take_it_over(
    browse: Callable[[Staff], Client], emergency: EmergencyLog, kim: Staff, senior: Senior
) -> None:
    choi = make_staff(full_name="최은주")
    map_staff(choi, senior)
    acknowledge(emergency.log_id, kim)
    assign(emergency.log_id, choi, kim)
    html = page(browse(choi), emergency)
    assert 'data-act="acknowledge"' in html
    assert "최은주에게 담당을 넘기는 중입니다" in html
