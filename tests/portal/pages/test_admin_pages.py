from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from devices import faults
from devices.models import Fault, HubKey, IoTHub
from seniors.models import AccessLog, Revocation, Role, Senior, Staff
from tests.factories import make_hub, make_senior, make_staff, map_staff

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from monitoring.models import EmergencyLog

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])
# what the form of a senior says of its list of contacts when it is left alone
NO_CONTACTS = {"contacts-TOTAL_FORMS": "0", "contacts-INITIAL_FORMS": "0"}
FOR_STAFF = [
    "/admin/seniors/senior/",
    "/admin/devices/iothub/",
    "/admin/devices/fault/",
    "/admin/monitoring/emergencylog/",
]
FOR_SUPERVISORS = ["/admin/seniors/staff/", "/admin/seniors/accesslog/", "/admin/ai/aiweight/"]


def test_caseworkers_have_the_lists_of_their_work_and_supervisors_all(client: Client, kim: Staff, park: Staff) -> None:
    client.force_login(kim)
    assert [client.get(path).status_code for path in FOR_STAFF] == [200] * len(FOR_STAFF)
    assert [client.get(path).status_code for path in FOR_SUPERVISORS] == [403] * len(FOR_SUPERVISORS)
    client.force_login(park)
    assert [client.get(path).status_code for path in FOR_STAFF + FOR_SUPERVISORS] == [200] * 7


def test_lists_hold_the_rows_of_one_s_own_seniors(
    browse: Callable[[Staff], Client], senior: Senior, lee: Staff, happen: Callable[..., EmergencyLog]
) -> None:
    make_hub(senior, "HUB-OF-ANOTHER")
    emergency = happen(senior)
    browser = browse(lee)
    assert senior.full_name not in browser.get("/admin/seniors/senior/").content.decode()
    assert "HUB-OF-ANOTHER" not in browser.get("/admin/devices/iothub/").content.decode()
    assert str(emergency.description) not in browser.get("/admin/monitoring/emergencylog/").content.decode()
    assert browser.get(f"/admin/seniors/senior/{senior.pk}/change/").status_code == 302


def test_a_registered_senior_is_mapped_to_who_registered_them(browse: Callable[[Staff], Client], kim: Staff) -> None:
    browse(kim).post(
        "/admin/seniors/senior/add/",
        {"full_name": "나새봄", "address": "원주시 1", "phone": "", "health_info": "{}", **NO_CONTACTS},
    )
    created = Senior.objects.get(full_name="나새봄")
    assert kim in Staff.objects.filter(mappings__senior=created)


def test_changing_a_senior_is_recorded(browse: Callable[[Staff], Client], senior: Senior, kim: Staff) -> None:
    fields = {"full_name": "박순자", "address": "새 주소", "phone": "", "health_info": "{}", **NO_CONTACTS}
    browse(kim).post(f"/admin/seniors/senior/{senior.pk}/change/", fields)
    senior.refresh_from_db()
    assert senior.address == "새 주소"
    assert AccessLog.objects.filter(staff=kim, senior_id=senior.pk, action="admin.senior.change").exists()


def test_a_hub_is_registered_with_a_key_that_is_shown_once(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff
) -> None:
    browser = browse(kim)
    form = {"senior": str(senior.pk), "device_id": "AA:BB:01"}
    html = browser.post("/admin/devices/iothub/add/", form, follow=True).content.decode()
    hub = IoTHub.objects.get(device_id="AA:BB:01")
    shown = re.search(r"hub_[A-Za-z0-9]{10}\.[A-Za-z0-9_-]{43}", html)
    assert shown is not None
    assert HubKey.objects.get(hub=hub).prefix == shown[0].split(".")[0]
    assert shown[0] not in browser.get("/admin/devices/iothub/", follow=True).content.decode()


def test_a_device_that_is_registered_already_is_refused_in_words(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff
) -> None:
    make_hub(senior, "AA:BB:02")
    other = make_senior()
    map_staff(kim, other)
    answer = browse(kim).post("/admin/devices/iothub/add/", {"senior": str(other.pk), "device_id": "AA:BB:02"})
    assert "이미 등록된 기기 번호입니다." in answer.content.decode()
    assert IoTHub.objects.count() == 1


def test_a_hub_is_not_given_to_a_senior_whom_one_does_not_know(
    browse: Callable[[Staff], Client], senior: Senior, lee: Staff
) -> None:
    browse(lee).post("/admin/devices/iothub/add/", {"senior": str(senior.pk), "device_id": "AA:BB:03"})
    assert not IoTHub.objects.exists()


def test_an_emergency_is_never_edited_by_a_form(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff, happen: Callable[..., EmergencyLog]
) -> None:
    emergency = happen(senior)
    browser = browse(kim)
    path = f"/admin/monitoring/emergencylog/{emergency.log_id}/change/"
    assert browser.get(path)["Location"] == f"/admin/emergencies/{emergency.log_id}/"
    browser.post(path, {"status": "resolved"})
    emergency.refresh_from_db()
    assert emergency.status == "open"
    assert browser.get("/admin/monitoring/emergencylog/add/").status_code == 403
    assert browser.post(f"/admin/monitoring/emergencylog/{emergency.log_id}/delete/").status_code == 403


def test_deactivating_somebody_closes_their_sockets(browse: Callable[[Staff], Client], kim: Staff, park: Staff) -> None:
    fields = {"email": kim.email, "full_name": kim.full_name, "role": kim.role, "language": "ko", "phone": ""}
    browse(park).post(f"/admin/seniors/staff/{kim.pk}/change/", fields)
    kim.refresh_from_db()
    assert not kim.is_active
    assert Revocation.objects.filter(kind="staff", subject=str(kim.pk)).exists()


def test_a_supervisor_makes_no_operators_and_touches_none(browse: Callable[[Staff], Client], park: Staff) -> None:
    operator = make_staff(Role.SUPERVISOR, is_superuser=True)
    browser = browse(park)
    fields = {"email": park.email, "full_name": "박지현", "role": "supervisor", "language": "ko", "phone": ""}
    browser.post(f"/admin/seniors/staff/{park.pk}/change/", {**fields, "is_active": "on", "is_superuser": "on"})
    park.refresh_from_db()
    assert not park.is_superuser
    refused = browser.post(f"/admin/seniors/staff/{operator.pk}/change/", {**fields, "full_name": "바뀐 이름"})
    operator.refresh_from_db()
    assert refused.status_code == 403
    assert operator.full_name != "바뀐 이름"


def test_nothing_is_deleted_in_the_admin(browse: Callable[[Staff], Client], senior: Senior, park: Staff) -> None:
    browser = browse(park)
    assert browser.post(f"/admin/seniors/senior/{senior.pk}/delete/", {"post": "yes"}).status_code == 403
    assert browser.post(f"/admin/seniors/staff/{park.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(("state", "shown"), [("open", True), ("unseen", True), ("cleared", False), ("", True)])
def test_faults_are_filtered_by_whether_they_last(
    browse: Callable[[Staff], Client], hub: IoTHub, kim: Staff, state: str, shown: bool
) -> None:
    faults.raise_fault(hub.hub_id, Fault.Kind.BATTERY_LOW)
    html = browse(kim).get("/admin/devices/fault/", {"state": state} if state else {}).content.decode()
    assert ("field-kind" in html) is shown


@pytest.mark.parametrize(("registered", "shown"), [("yes", True), ("no", False)])
def test_hubs_are_filtered_by_their_registration(
    browse: Callable[[Staff], Client], hub: IoTHub, kim: Staff, registered: str, shown: bool
) -> None:
    html = browse(kim).get("/admin/devices/iothub/", {"registered": registered}).content.decode()
    assert (hub.device_id in html) is shown


def test_a_broken_hub_is_replaced_only_when_one_says_so(
    browse: Callable[[Staff], Client], hub: IoTHub, kim: Staff
) -> None:
    browser = browse(kim)
    fields = {"senior": hub.senior_id, "device_id": "HUB-NEW"}
    assert "이미 허브가 있습니다" in browser.post("/admin/devices/iothub/add/", fields).content.decode()
    browser.post("/admin/devices/iothub/add/", {**fields, "replaces": "on"})
    hub.refresh_from_db()
    assert hub.deregistered_at is not None
    assert IoTHub.objects.registered().get(senior=hub.senior_id).device_id == "HUB-NEW"


def test_a_claim_code_is_shown_once(browse: Callable[[Staff], Client], hub: IoTHub, kim: Staff) -> None:
    browser = browse(kim)
    chosen = {"action": "issue_claims", "_selected_action": hub.pk}
    shown = browser.post("/admin/devices/iothub/", chosen, follow=True).content.decode()
    assert "등록 코드" in shown
    assert "anbu:claim?" in shown
    assert "anbu:claim?" not in browser.get("/admin/devices/iothub/").content.decode()
