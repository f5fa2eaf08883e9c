from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices import faults
from devices.models import Fault
from monitoring.alerting import resolve
from monitoring.ownership import acknowledge
from seniors.models import AccessLog
from tests.factories import make_senior, map_staff

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from devices.models import IoTHub
    from monitoring.models import EmergencyLog
    from seniors.models import Senior, Staff

DESK, EMERGENCIES = "/admin/", "/admin/parts/emergencies/"


def listed(html: str) -> list[int]:
    """The emergencies on the desk, from top to bottom."""
    return [int(number) for number in re.findall(r'<li class="card [^>]*data-log="(\d+)"', html)]


def test_nobody_sees_the_desk_without_logging_in(client: Client, db: None) -> None:
    answer = client.get(DESK)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_a_guardian_is_led_to_the_family_page(browse: Callable[[Staff], Client], guardian: Staff) -> None:
    answer = browse(guardian).get(DESK, follow=True)
    assert answer.redirect_chain[-1][0] == "/family/"


def test_the_desk_says_that_nothing_is_waiting(browse: Callable[[Staff], Client], kim: Staff) -> None:
    assert "지금 미접수 응급 상황이 없습니다" in browse(kim).get(DESK).content.decode()


def test_an_emergency_is_on_the_desks_of_those_who_may_see_the_senior(
    client: Client, senior: Senior, kim: Staff, lee: Staff, park: Staff, happen: Callable[..., EmergencyLog]
) -> None:
    emergency = happen(senior)
    seen = {}
    for person in (kim, lee, park):
        client.force_login(person)
        seen[person.email] = listed(client.get(DESK).content.decode())
    assert seen == {kim.email: [emergency.log_id], lee.email: [], park.email: [emergency.log_id]}


def test_a_card_says_what_where_why_and_that_nobody_has_taken_it(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff, happen: Callable[..., EmergencyLog]
) -> None:
    happen(senior)
    html = browse(kim).get(DESK).content.decode()
    for words in ("위급", "낙상 감지", "박순자 님", senior.address, "거실에서 낙상 감지 신호가 왔습니다.", "담당 없음"):
        assert words in html


def test_what_nobody_has_taken_stands_above_what_is_taken_and_a_life_above_a_habit(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff, park: Staff, happen: Callable[..., EmergencyLog]
) -> None:
    taken = happen(senior, "sos")
    acknowledge(taken.log_id, park)
    habit, life = happen(senior, "routine_change"), happen(senior, "fire")
    order = listed(browse(kim).get(DESK).content.decode())
    assert order == [life.log_id, habit.log_id, taken.log_id]


def test_a_taken_emergency_names_its_owner_and_has_no_button_to_take_it(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff, happen: Callable[..., EmergencyLog]
) -> None:
    acknowledge(happen(senior).log_id, kim)
    html = browse(kim).get(EMERGENCIES).content.decode()
    assert "김미영 담당" in html
    assert 'data-act="acknowledge"' not in html
    assert 'data-act="resolve"' in html


def test_a_resolved_emergency_leaves_the_desk(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff, happen: Callable[..., EmergencyLog]
) -> None:
    resolve(happen(senior).log_id, kim, "false_alarm")
    assert listed(browse(kim).get(EMERGENCIES).content.decode()) == []


def test_a_card_changes_its_version_with_its_state_alone(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff, happen: Callable[..., EmergencyLog]
) -> None:
    emergency, browser = happen(senior), browse(kim)

    def version() -> str:
        found = re.search(r'data-version="([^"]+)"', browser.get(EMERGENCIES).content.decode())
        assert found is not None
        return found[1]

    before = version()
    assert version() == before
    acknowledge(emergency.log_id, kim)
    assert version() != before


def test_a_fault_stands_with_the_equipment_and_not_among_the_emergencies(
    browse: Callable[[Staff], Client], hub: IoTHub, kim: Staff
) -> None:
    faults.raise_fault(hub.hub_id, Fault.Kind.BATTERY_LOW)
    browser = browse(kim)
    assert listed(browser.get(DESK).content.decode()) == []
    assert "배터리 부족" in browser.get("/admin/parts/faults/").content.decode()


def test_a_fault_elsewhere_is_not_shown(client: Client, hub: IoTHub, lee: Staff) -> None:
    faults.raise_fault(hub.hub_id, Fault.Kind.BATTERY_LOW)
    client.force_login(lee)
    assert "배터리 부족" not in client.get("/admin/parts/faults/").content.decode()


@pytest.mark.parametrize("part", ["emergencies", "notices", "watched", "homes", "faults", "alert-bar"])
def test_each_part_of_the_desk_can_be_fetched_by_itself(
    browse: Callable[[Staff], Client], kim: Staff, part: str
) -> None:
    answer = browse(kim).get(f"/admin/parts/{part}/")
    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]


def test_an_unknown_part_is_not_found(browse: Callable[[Staff], Client], kim: Staff) -> None:
    assert browse(kim).get("/admin/parts/everything/").status_code == 404


def test_looking_at_the_desk_is_recorded_once_however_often_it_draws_itself(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff, happen: Callable[..., EmergencyLog]
) -> None:
    happen(senior)
    browser = browse(kim)
    for path in (DESK, EMERGENCIES, EMERGENCIES):
        browser.get(path)
    rows = AccessLog.objects.filter(staff=kim, senior_id=senior.pk, action="desk.view")
    assert rows.count() == 1


def test_the_desk_costs_the_same_queries_for_one_emergency_and_for_many(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff, happen: Callable[..., EmergencyLog]
) -> None:
    browser = browse(kim)

    def count_queries() -> int:
        browser.get(DESK)
        with CaptureQueriesContext(connection) as queries:
            browser.get(DESK)
        return len(queries)

    happen(senior)
    for_one = count_queries()
    for _ in range(8):
        other = make_senior()
        map_staff(kim, other)
        happen(other)
    assert count_queries() == for_one
