from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from devices import faults, registration, safety_checks
from devices.models import Fault, IoTHub, SafetyCheck
from seniors.models import AccessLog
from tests.factories import make_hub, make_senior

if TYPE_CHECKING:
    from seniors.models import Senior, Staff


def call(who: Staff | str | None, method: str, path: str, body: Any = None) -> Any:
    """The answer to a person's session, to a key, or to nobody."""
    client = Client()
    headers = {"Authorization": f"Api-Key {who}"} if isinstance(who, str) else {}
    if who is not None and not isinstance(who, str):
        client.force_login(who)
    data = {} if body is None else body
    extra = {} if method == "GET" else {"data": data, "content_type": "application/json"}
    return (
        client.generic if method == "" else getattr(client, method.lower())(f"/api/v1/{path}", headers=headers, **extra)
    )


def code(answer: Any) -> str:
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    return str(answer.json()["code"])


@pytest.fixture
def fault(hub: IoTHub) -> Fault:
    faults.raise_fault(hub.hub_id, Fault.Kind.BATTERY_LOW)
    return Fault.objects.get()


@pytest.fixture
def check(hub: IoTHub, senior: Senior) -> SafetyCheck:
    return safety_checks.request(senior, None)


def every_call(senior: Senior, hub: IoTHub, fault: Fault, check: SafetyCheck) -> list[tuple[str, str, Any]]:
    return [
        ("POST", f"seniors/{senior.pk}/hub", {"device_id": "NEW-1", "replaces": hub.hub_id}),
        ("POST", f"hubs/{hub.hub_id}/api-key", {"overlap_s": 60}),
        ("POST", f"seniors/{senior.pk}/safety-checks", {}),
        ("GET", f"safety-checks/{check.check_id}", None),
        ("POST", f"faults/{fault.fault_id}/seen", {}),
        ("POST", f"hubs/{hub.hub_id}/test", {"minutes": 15}),
        ("DELETE", f"hubs/{hub.hub_id}", None),
    ]


@pytest.fixture
def calls(senior: Senior, hub: IoTHub, fault: Fault, check: SafetyCheck) -> list[tuple[str, str, Any]]:
    return every_call(senior, hub, fault, check)


# -- who may


def test_the_seniors_caseworker_may_do_all_of_it(kim: Staff, calls: list[tuple[str, str, Any]]) -> None:
    assert [call(kim, *each).status_code for each in calls[1:]] == [201, 202, 200, 200, 201, 204]


def test_a_supervisor_may_do_all_of_it(park: Staff, calls: list[tuple[str, str, Any]]) -> None:
    assert [call(park, *each).status_code for each in calls[1:]] == [201, 202, 200, 200, 201, 204]


def test_for_a_stranger_none_of_it_exists(lee: Staff, calls: list[tuple[str, str, Any]]) -> None:
    answers = [call(lee, *each) for each in calls]
    assert [(answer.status_code, code(answer)) for answer in answers] == [(404, "not_found")] * len(calls)


def test_a_guardian_may_do_none_of_it(guardian: Staff, calls: list[tuple[str, str, Any]]) -> None:
    assert [call(guardian, *each).status_code for each in calls] == [403] * len(calls)
    assert call(guardian, "GET", "faults").status_code == 403


def test_a_hub_may_do_none_of_it(hub_key: str, calls: list[tuple[str, str, Any]]) -> None:
    assert [call(hub_key, *each).status_code for each in calls] == [403] * len(calls)


def test_nobody_may_do_none_of_it(calls: list[tuple[str, str, Any]]) -> None:
    answers = [call(None, *each) for each in [*calls, ("GET", "faults", None), ("GET", "hub/config", None)]]
    assert {answer.status_code for answer in answers} == {401}


def test_each_act_leaves_its_trace(kim: Staff, senior: Senior, calls: list[tuple[str, str, Any]]) -> None:
    for each in calls[1:]:
        call(kim, *each)
    rows = AccessLog.objects.filter(staff=kim, senior_id=senior.pk).values_list("action", flat=True)
    assert sorted(rows) == [
        "fault.seen",
        "hub.deregister",
        "hub.rotate_key",
        "hub.test",
        "safety_check.read",
        "safety_check.request",
    ]


# -- hubs


def test_a_hub_is_registered_for_a_senior_who_has_none(kim: Staff, senior: Senior) -> None:
    answer = call(kim, "POST", f"seniors/{senior.pk}/hub", {"device_id": "HUB-A"})
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.json()
    assert {"hub_id", "device_id", "status", "api_key"} == told.keys()
    assert (told["device_id"], told["status"]) == ("HUB-A", "never_seen")
    config = call(told["api_key"], "GET", "hub/config").json()
    assert (config["hub_id"], config["senior_id"]) == (told["hub_id"], senior.pk)


def test_a_senior_with_a_hub_gets_no_second_one(kim: Staff, hub: IoTHub, senior: Senior) -> None:
    answer = call(kim, "POST", f"seniors/{senior.pk}/hub", {"device_id": "HUB-B"})
    assert (answer.status_code, code(answer)) == (409, "senior_has_hub")


def test_a_registered_device_is_refused(kim: Staff, senior: Senior) -> None:
    other, _ = make_hub(make_senior())
    answer = call(kim, "POST", f"seniors/{senior.pk}/hub", {"device_id": other.device_id})
    assert (answer.status_code, code(answer)) == (409, "device_already_registered")


def test_a_broken_hub_is_swapped(kim: Staff, hub: IoTHub, hub_key: str, senior: Senior) -> None:
    answer = call(kim, "POST", f"seniors/{senior.pk}/hub", {"device_id": "NEW-1", "replaces": hub.hub_id})
    assert answer.status_code == 201
    assert call(hub_key, "GET", "hub/config").status_code == 401
    assert call(answer.json()["api_key"], "GET", "hub/config").status_code == 200


def test_a_hub_that_is_not_the_seniors_is_not_swapped(kim: Staff, hub: IoTHub, senior: Senior) -> None:
    other, other_key = make_hub(make_senior())
    answer = call(kim, "POST", f"seniors/{senior.pk}/hub", {"device_id": "NEW-1", "replaces": other.hub_id})
    assert (answer.status_code, code(answer)) == (409, "hub_not_registered")
    assert call(other_key, "GET", "hub/config").status_code == 200


@pytest.mark.parametrize("body", [{}, {"device_id": ""}, {"device_id": "x" * 65}, {"device_id": None}, []], ids=str)
def test_a_registration_without_a_device_number_is_refused(kim: Staff, senior: Senior, body: Any) -> None:
    answer = call(kim, "POST", f"seniors/{senior.pk}/hub", body)
    assert (answer.status_code, code(answer)) == (400, "invalid")


def test_a_rotation_answers_as_the_contract_says(kim: Staff, hub: IoTHub, hub_key: str) -> None:
    told = call(kim, "POST", f"hubs/{hub.hub_id}/api-key", {"overlap_s": 60}).json()
    assert {"api_key", "prefix", "created_at", "previous_key_expires_at"} == told.keys()
    assert told["api_key"].startswith(told["prefix"] + ".")
    ends, created = (datetime.fromisoformat(told[name]) for name in ("previous_key_expires_at", "created_at"))
    assert ends.tzinfo is not None
    assert 59 < (ends - created).total_seconds() <= 60
    assert [call(key, "GET", "hub/config").status_code for key in (hub_key, told["api_key"])] == [200, 200]


def test_a_rotation_without_overlap_kills_the_old_key(kim: Staff, hub: IoTHub, hub_key: str) -> None:
    assert call(kim, "POST", f"hubs/{hub.hub_id}/api-key", {}).status_code == 201
    answer = call(hub_key, "GET", "hub/config")
    assert (answer.status_code, code(answer)) == (401, "invalid_credentials")


@pytest.mark.parametrize("overlap_s", [-1, 86_401, "soon", None, 1.5], ids=str)
def test_an_overlap_out_of_its_limits_is_refused(kim: Staff, hub: IoTHub, overlap_s: Any) -> None:
    answer = call(kim, "POST", f"hubs/{hub.hub_id}/api-key", {"overlap_s": overlap_s})
    assert answer.status_code == 400
    assert "overlap_s" in answer.json()["errors"]


def test_a_hub_is_deregistered_once(kim: Staff, hub: IoTHub, hub_key: str) -> None:
    assert [call(kim, "DELETE", f"hubs/{hub.hub_id}").status_code for _ in range(2)] == [204, 404]
    assert call(hub_key, "GET", "hub/config").status_code == 401


def test_a_hub_reads_its_configuration(hub: IoTHub, hub_key: str) -> None:
    told = call(hub_key, "GET", "hub/config").json()
    assert datetime.fromisoformat(told.pop("server_time")).tzinfo is not None
    assert told == {
        "hub_id": hub.hub_id,
        "senior_id": hub.senior_id,
        "heartbeat_interval_s": 10,
        "batch_max_events": 1000,
        "batch_max_delay_s": 5,
        "ice_servers": [],
    }


def test_a_person_reads_no_hubs_configuration(kim: Staff) -> None:
    assert call(kim, "GET", "hub/config").status_code == 403


# -- safety checks


def test_a_check_is_accepted_and_a_running_one_returned(kim: Staff, hub: IoTHub, senior: Senior) -> None:
    answers = [call(kim, "POST", f"seniors/{senior.pk}/safety-checks") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    told = answers[0].json()
    assert {"check_id", "status", "expires_at"} == told.keys()
    assert told["status"] == "requested"
    assert answers[1].json() == told


def test_without_a_hub_a_check_is_a_conflict(kim: Staff, senior: Senior) -> None:
    answer = call(kim, "POST", f"seniors/{senior.pk}/safety-checks")
    assert (answer.status_code, code(answer)) == (409, "no_hub")


def test_the_state_of_a_check_is_read(kim: Staff, check: SafetyCheck) -> None:
    safety_checks.record_answer(check.check_id, check.hub_id, "ok")
    told = call(kim, "GET", f"safety-checks/{check.check_id}").json()
    assert (told["check_id"], told["senior_id"], told["status"]) == (check.check_id, check.senior_id, "ok")


# -- faults


def test_faults_are_listed_as_the_contract_says(kim: Staff, fault: Fault) -> None:
    told = call(kim, "GET", "faults?open=true").json()
    assert {"count", "next", "previous", "results"} == told.keys()
    (row,) = told["results"]
    assert datetime.fromisoformat(row.pop("since")).tzinfo is not None
    assert row == {
        "fault_id": fault.fault_id,
        "hub_id": fault.hub_id,
        "senior_id": fault.hub.senior_id,
        "kind": "battery_low",
        "sensor_id": "",
        "cleared_at": None,
        "seen_at": None,
        "seen_by": None,
    }


@pytest.mark.parametrize(("query", "count"), [("?open=true", 1), ("?open=false", 1), ("", 2)])
def test_faults_are_filtered_by_whether_they_last(
    kim: Staff, hub: IoTHub, fault: Fault, query: str, count: int
) -> None:
    faults.raise_fault(fault.hub_id, Fault.Kind.ROBOT_OFFLINE)
    faults.clear_fault(fault.hub_id, Fault.Kind.ROBOT_OFFLINE)
    assert call(kim, "GET", f"faults{query}").json()["count"] == count


def test_a_filter_that_is_no_truth_value_is_refused(kim: Staff) -> None:
    assert call(kim, "GET", "faults?open=perhaps").status_code == 400


def test_a_stranger_sees_no_fault_of_this_home(lee: Staff, fault: Fault) -> None:
    assert call(lee, "GET", "faults").json()["count"] == 0


def test_the_first_who_saw_a_fault_stays(kim: Staff, park: Staff, fault: Fault) -> None:
    first = call(kim, "POST", f"faults/{fault.fault_id}/seen").json()
    assert first["seen_by"] == kim.pk
    assert call(park, "POST", f"faults/{fault.fault_id}/seen").json() == first


def test_the_same_fault_is_open_once(hub: IoTHub, fault: Fault) -> None:
    assert not faults.raise_fault(hub.hub_id, Fault.Kind.BATTERY_LOW)
    assert faults.clear_fault(hub.hub_id, Fault.Kind.BATTERY_LOW)
    assert not faults.clear_fault(hub.hub_id, Fault.Kind.BATTERY_LOW)
    assert faults.raise_fault(hub.hub_id, Fault.Kind.BATTERY_LOW)


def test_a_cleared_fault_stays_listed_after_its_hub_is_gone(kim: Staff, hub: IoTHub, fault: Fault) -> None:
    registration.deregister(hub, kim)
    assert call(kim, "GET", "faults?open=false").json()["count"] == 1


# -- installation tests


def test_a_test_says_when_it_ends(kim: Staff, hub: IoTHub) -> None:
    told = call(kim, "POST", f"hubs/{hub.hub_id}/test", {"minutes": 10}).json()
    assert (told["hub_id"], told["started_by"]) == (hub.hub_id, kim.pk)
    lasts = datetime.fromisoformat(told["ends_at"]) - datetime.fromisoformat(told["started_at"])
    assert lasts == timedelta(minutes=10)


@pytest.mark.parametrize("minutes", [0, 16, -1, None, "long"])
def test_a_test_lasts_a_quarter_of_an_hour_at_most(kim: Staff, hub: IoTHub, minutes: object) -> None:
    answer = call(kim, "POST", f"hubs/{hub.hub_id}/test", {"minutes": minutes})
    assert answer.status_code == 400
    assert "minutes" in answer.json()["errors"]
