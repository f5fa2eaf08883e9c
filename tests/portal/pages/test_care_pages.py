from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from monitoring.models import RiskState, SensorLog
from seniors.models import AccessLog
from tests.factories import make_hub, make_senior, make_staff, map_staff

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from devices.models import IoTHub
    from monitoring.models import EmergencyLog
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])
TABS = ["", "emergencies/", "profile/", "home/", "events/", "access/"]


def say_risk(senior: Senior, level: str, **fields: object) -> None:
    defaults = {"score": 0.5, "observed_at": timezone.now(), "reasons": []}
    RiskState.objects.create(senior=senior, level=level, **{**defaults, **fields})


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_is_there_for_the_caseworker_and_not_for_a_stranger(
    client: Client, hub: IoTHub, senior: Senior, kim: Staff, lee: Staff, tab: str
) -> None:
    path = f"/admin/care/{senior.pk}/{tab}"
    client.force_login(kim)
    assert client.get(path).status_code == 200
    client.force_login(lee)
    assert client.get(path).status_code == 404


def test_an_unknown_tab_is_not_found(browse: Callable[[Staff], Client], senior: Senior, kim: Staff) -> None:
    assert browse(kim).get(f"/admin/care/{senior.pk}/everything/").status_code == 404


def test_looking_at_a_senior_leaves_a_row_that_the_senior_s_page_shows(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff
) -> None:
    browser = browse(kim)
    browser.get(f"/admin/care/{senior.pk}/profile/")
    row = AccessLog.objects.get(staff=kim, senior_id=senior.pk)
    assert (row.action, row.address) == ("senior.profile", "127.0.0.1")
    assert "senior.profile" in browser.get(f"/admin/care/{senior.pk}/access/").content.decode()


def test_a_reason_is_put_into_words(browse: Callable[[Staff], Client], senior: Senior, kim: Staff) -> None:
    reason = {"code": "silent_for", "values": {"minutes": 142, "usual_max_minutes": 70}}
    say_risk(senior, "warning", reasons=[reason])
    html = browse(kim).get("/admin/care/").content.decode()
    assert "2시간 22분째 움직임이 없습니다. 이 시간대 평소 최대 70분" in html


def test_a_risk_that_is_not_renewed_any_more_is_no_data_and_never_green(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff
) -> None:
    say_risk(senior, "normal")
    RiskState.objects.update(updated_at=timezone.now() - timedelta(minutes=5))
    html = browse(kim).get("/admin/care/").content.decode()
    assert "risk-no_data" in html
    assert 'class="risk risk-normal"' not in html


def test_a_hub_that_is_away_is_said_before_a_model_that_is_content(
    browse: Callable[[Staff], Client], hub: IoTHub, senior: Senior, kim: Staff
) -> None:
    say_risk(senior, "normal")
    html = browse(kim).get(f"/admin/care/{senior.pk}/profile/").content.decode()
    assert "허브가 아직 한 번도 연결되지 않았습니다." in html


def test_the_day_is_drawn_by_sensor_and_written_as_a_table(
    browse: Callable[[Staff], Client], hub: IoTHub, senior: Senior, kim: Staff
) -> None:
    now = timezone.now()
    for minutes in (10, 200, 201):
        SensorLog.objects.create(
            hub_id=hub.hub_id,
            timestamp=now - timedelta(minutes=minutes),
            sensor_id="kitchen_motion",
            sensor_value=True,
            event_content="motion on",
        )
    html = browse(kim).get(f"/admin/care/{senior.pk}/").content.decode()
    assert "방 1곳에서 24시간 동안 움직임 3번" in html
    assert '<path class="mark' in html
    assert '<th scope="row">주방</th><td>3</td>' in html


def test_only_supervisors_change_who_cares_for_whom(client: Client, senior: Senior, kim: Staff, park: Staff) -> None:
    path = f"/admin/care/{senior.pk}/profile/"
    client.force_login(kim)
    assert 'data-act="map"' not in client.get(path).content.decode()
    client.force_login(park)
    assert 'data-act="map"' in client.get(path).content.decode()


def test_the_list_finds_by_name_and_address_and_only_among_one_s_own(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff
) -> None:
    mine, stranger = make_senior(full_name="최말자", address="속초시 바다길 3"), make_senior(full_name="최영감")
    map_staff(kim, mine)
    browser = browse(kim)
    by_name = browser.get("/admin/care/", {"search": "최"}).content.decode()
    assert mine.full_name in by_name
    assert stranger.full_name not in by_name
    by_address = browser.get("/admin/care/", {"search": "바다길"}).content.decode()
    assert mine.full_name in by_address
    assert senior.full_name not in by_address


def test_a_filter_that_does_not_exist_is_as_good_as_none(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff
) -> None:
    answer = browse(kim).get("/admin/care/", {"risk": "sunny", "hub_status": "asleep", "page": "many"})
    assert answer.status_code == 200
    assert senior.full_name in answer.content.decode()


def test_who_has_an_emergency_stands_first(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff, happen: Callable[..., EmergencyLog]
) -> None:
    risky = make_senior(full_name="가나다")
    map_staff(kim, risky)
    say_risk(risky, "warning")
    happen(senior)
    html = browse(kim).get("/admin/care/").content.decode()
    assert html.index(senior.full_name) < html.index(risky.full_name)


@pytest.mark.parametrize("seniors", [2, 30])
def test_the_list_takes_at_most_eight_queries_however_long_it_is(
    browse: Callable[[Staff], Client],
    seniors: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    kim = make_staff()
    for _ in range(seniors):
        one = make_senior()
        map_staff(kim, one)
        make_hub(one)
        say_risk(one, "watch")
    browser = browse(kim)
    with django_assert_max_num_queries(8):
        assert browser.get("/admin/care/").status_code == 200
