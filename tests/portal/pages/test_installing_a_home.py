"""The installer's steps: who moves in, the key, the first contact, the walk, the sheet."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from devices.installation_tests import start
from devices.models import IoTHub
from monitoring.models import SensorLog
from seniors.models import AccessLog, Senior
from tests.factories import make_hub, make_senior, map_staff

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from seniors.models import Staff

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])
NEW_HOME = {"full_name": "한말순", "address": "은빛시 새길 3", "phone": "010-0000-0003", "device_id": "hub-77"}


def sense(hub: IoTHub, sensor_id: str, seconds_ago: float) -> None:
    SensorLog.objects.create(
        hub_id=hub.hub_id,
        timestamp=timezone.now() - timedelta(seconds=seconds_ago),
        sensor_id=sensor_id,
        event_content="motion",
        sensor_value=True,
    )


def test_a_new_senior_and_their_hub_are_registered_at_once_and_the_installer_cares_for_them(
    browse: Callable[[Staff], Client], kim: Staff
) -> None:
    answer = browse(kim).post("/admin/installation/", NEW_HOME)
    hub = IoTHub.objects.get(device_id="hub-77")
    assert answer.headers["Location"] == f"/admin/installation/{hub.hub_id}/"
    assert Senior.objects.visible_to(kim).get(full_name="한말순").phone == "010-0000-0003"


def test_a_device_that_is_registered_elsewhere_is_refused_by_name_and_nobody_is_enrolled(
    browse: Callable[[Staff], Client], kim: Staff, hub: IoTHub
) -> None:
    answer = browse(kim).post("/admin/installation/", {**NEW_HOME, "device_id": hub.device_id})
    assert "이미 등록된 허브입니다" in answer.content.decode()
    assert not Senior.objects.filter(full_name="한말순").exists()


def test_a_senior_without_a_hub_gets_one_and_is_not_enrolled_twice(
    browse: Callable[[Staff], Client], kim: Staff, senior: Senior
) -> None:
    browse(kim).post(f"/admin/installation/?senior={senior.pk}", {"device_id": "hub-78"})
    assert IoTHub.objects.get(device_id="hub-78").senior == senior


def test_a_senior_who_has_a_hub_keeps_it(
    browse: Callable[[Staff], Client], kim: Staff, senior: Senior, hub: IoTHub
) -> None:
    answer = browse(kim).post(f"/admin/installation/?senior={senior.pk}", {"device_id": "hub-78"})
    assert "이미 등록된 허브가 있습니다" in answer.content.decode()


def test_a_stranger_finds_neither_the_senior_nor_the_hub(
    browse: Callable[[Staff], Client], lee: Staff, senior: Senior, hub: IoTHub
) -> None:
    browser = browse(lee)
    assert browser.get(f"/admin/installation/?senior={senior.pk}").status_code == 404
    for path in ("", "progress/", "sheet/"):
        assert browser.get(f"/admin/installation/{hub.hub_id}/{path}").status_code == 404
    assert browser.post(f"/admin/installation/{hub.hub_id}/key/", {"way": "key"}).status_code == 404


def test_a_code_is_shown_once_with_its_picture_and_the_page_alone_shows_none(
    browse: Callable[[Staff], Client], kim: Staff, hub: IoTHub
) -> None:
    browser = browse(kim)
    shown = browser.post(f"/admin/installation/{hub.hub_id}/key/", {"way": "code"})
    assert '<p class="step-code">' in shown.content.decode()
    assert 'class="qr"' in shown.content.decode()
    assert "no-store" in shown.headers["Cache-Control"]
    assert '<p class="step-code">' not in browser.get(f"/admin/installation/{hub.hub_id}/").content.decode()


def test_the_key_itself_can_be_shown_and_kills_the_one_before(
    browse: Callable[[Staff], Client], client: Client, kim: Staff, hub_and_key: tuple[IoTHub, str]
) -> None:
    hub, old_key = hub_and_key
    page = browse(kim).post(f"/admin/installation/{hub.hub_id}/key/", {"way": "key"}).content.decode()
    new_key = page.partition('<code class="step-key">')[2].partition("<")[0]
    client.logout()

    def ask(key: str) -> int:
        return client.get("/api/v1/hub/config", headers={"Authorization": f"Api-Key {key}"}).status_code

    assert (ask(new_key), ask(old_key)) == (200, 401)


def test_the_walk_ticks_each_sensor_that_is_heard_since_it_began(
    browse: Callable[[Staff], Client], kim: Staff, hub: IoTHub
) -> None:
    sense(hub, "kitchen_motion", 3600)
    sense(hub, "bedroom_motion", 3600)
    start(hub, kim, 15)
    sense(hub, "bedroom_motion", -0.5)
    page = browse(kim).get(f"/admin/installation/{hub.hub_id}/progress/").content.decode()
    assert "센서 2개 가운데 1개 확인" in page
    assert page.count('<li class="is-done">') == 1
    assert "아직 확인 전" in page


def test_a_press_on_the_walk_is_offered_to_be_closed_as_a_test(
    browse: Callable[[Staff], Client], kim: Staff, hub: IoTHub, happen: Callable[..., object]
) -> None:
    start(hub, kim, 15)
    happen(hub.senior, "sos", tested_by=kim)
    page = browse(kim).get(f"/admin/installation/{hub.hub_id}/progress/").content.decode()
    assert "시험이었음" in page
    assert 'value="test"' in page


def test_the_page_says_when_it_waits_for_the_first_contact_and_when_that_was(
    browse: Callable[[Staff], Client], kim: Staff
) -> None:
    senior = make_senior()
    map_staff(kim, senior)
    hub, _key = make_hub(senior)
    browser = browse(kim)
    assert "첫 연결을 기다리고 있습니다" in browser.get(f"/admin/installation/{hub.hub_id}/").content.decode()
    IoTHub.objects.filter(pk=hub.pk).update(status=IoTHub.Status.ONLINE)
    assert "허브가 연결되어 있습니다" in browser.get(f"/admin/installation/{hub.hub_id}/progress/").content.decode()


def test_the_sheet_names_the_home_and_its_sensors_and_no_key(
    browse: Callable[[Staff], Client], kim: Staff, hub_and_key: tuple[IoTHub, str]
) -> None:
    hub, key = hub_and_key
    sense(hub, "kitchen_motion", 60)
    page = browse(kim).get(f"/admin/installation/{hub.hub_id}/sheet/").content.decode()
    assert hub.senior.full_name in page
    assert "kitchen_motion" in page
    assert key.split(".")[0] not in page
    assert AccessLog.objects.filter(action="hub.sheet", senior_id=hub.senior_id, staff=kim).exists()
