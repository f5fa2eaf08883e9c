from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from monitoring.alerting import receive_delivery, resolve
from monitoring.models import AlertDelivery, EmergencyLog
from monitoring.ownership import acknowledge
from seniors.models import AccessLog
from tests.factories import make_senior
from tests.monitoring.emergencies import again, raised

if TYPE_CHECKING:
    from devices.models import IoTHub
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])
FIELDS = {
    "log_id", "senior_id", "event_type", "severity", "description", "occurred_at", "detected_at", "status", "repeats",
    "acknowledged_at", "acknowledged_by", "resolved_at", "resolved_by", "outcome", "test",
}  # fmt: skip


def get(staff: Staff, path: str, **query: Any) -> Any:
    client = Client()
    client.force_login(staff)
    return client.get(f"/api/v1/{path}", query)


def post(staff: Staff, path: str, body: Any = None) -> Any:
    client = Client()
    client.force_login(staff)
    return client.post(f"/api/v1/{path}", body or {}, content_type="application/json")


def code(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def ids(answer: Any) -> list[int]:
    return [row["log_id"] for row in answer.json()["results"]]


@pytest.fixture
def log(senior: Senior, kim: Staff) -> EmergencyLog:
    return raised(senior)


# -- lists


def test_everybody_lists_what_they_may_see_newest_first(
    log: EmergencyLog, senior: Senior, kim: Staff, lee: Staff, park: Staff, guardian: Staff
) -> None:
    other = raised(make_senior())
    newest = raised(senior, event_type="sos")
    assert ids(get(kim, "emergencies")) == [newest.pk, log.pk]
    assert ids(get(guardian, "emergencies")) == [newest.pk, log.pk]
    assert ids(get(park, "emergencies")) == [newest.pk, other.pk, log.pk]
    assert ids(get(lee, "emergencies")) == []
    assert Client().get("/api/v1/emergencies").status_code == 401


def test_a_row_is_the_emergency_of_the_contract(log: EmergencyLog, kim: Staff) -> None:
    page = get(kim, "emergencies").json()
    assert set(page) == {"count", "next", "previous", "results"}
    (row,) = page["results"]
    assert set(row) == FIELDS
    assert (row["status"], row["outcome"], row["acknowledged_by"], row["test"]) == ("open", None, None, False)
    assert datetime.fromisoformat(row["detected_at"]).tzinfo is not None


def test_the_list_is_narrowed_by_status_type_and_time(log: EmergencyLog, senior: Senior, kim: Staff) -> None:
    old = raised(senior, event_type="sos", occurred_at=datetime.now(UTC) - timedelta(days=2))
    resolve(old.pk, kim, "real")
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert ids(get(kim, "emergencies", status="resolved")) == [old.pk]
    assert ids(get(kim, "emergencies", status="acknowledged")) == []
    assert ids(get(kim, "emergencies", event_type="inactivity")) == [log.pk]
    assert ids(get(kim, f"seniors/{senior.pk}/emergencies", occurred_before=yesterday)) == [old.pk]
    assert ids(get(kim, f"seniors/{senior.pk}/emergencies", occurred_after=yesterday)) == [log.pk]


@pytest.mark.parametrize(
    "query", [{"status": "closed"}, {"event_type": "x"}, {"occurred_after": "today"}, {"occurred_before": "\x00"}]
)
def test_a_value_that_is_none_is_told(log: EmergencyLog, kim: Staff, query: dict[str, str]) -> None:
    answer = get(kim, "emergencies", **query)
    assert code(answer) == (400, "invalid")
    assert set(answer.json()["errors"]) == set(query)


def test_a_list_costs_the_same_however_long_it_is(
    senior: Senior, kim: Staff, django_assert_max_num_queries: Any
) -> None:
    for event_type in ("sos", "fire", "gas", "inactivity", "no_wake_up"):
        acknowledge(raised(senior, event_type=event_type).pk, kim)
    client = Client()
    client.force_login(kim)
    with django_assert_max_num_queries(6):
        assert len(client.get("/api/v1/emergencies").json()["results"]) == 5


# -- one emergency


def test_the_timeline_tells_everything_in_order(log: EmergencyLog, kim: Staff, park: Staff) -> None:
    delivery = AlertDelivery.objects.get()
    receive_delivery(str(delivery.pk), kim.pk)
    again(log)
    acknowledge(log.pk, kim)
    resolve(log.pk, park, "false_alarm", "주무심")
    body = get(kim, f"emergencies/{log.pk}").json()
    assert set(body) == FIELDS | {"timeline"}
    timeline = body["timeline"]
    assert all(set(entry) == {"at", "kind", "by", "detail"} for entry in timeline)
    assert [entry["at"] for entry in timeline] == sorted(entry["at"] for entry in timeline)
    told = {entry["kind"]: (entry["by"], entry["detail"]) for entry in timeline}
    assert set(told) == {"raised", "delivery", "repeated", "acknowledged", "resolved"}
    assert told["delivery"][1]["staff_id"] == kim.pk
    assert told["delivery"][1]["received_at"]
    assert told["acknowledged"][0] == kim.pk
    assert told["resolved"] == (park.pk, {"outcome": "false_alarm", "note": "주무심"})


def test_a_guardian_sees_the_moments_and_the_outcome_alone(log: EmergencyLog, kim: Staff, guardian: Staff) -> None:
    resolve(log.pk, kim, "real", "119에 연락")
    body = get(guardian, f"emergencies/{log.pk}").json()
    assert set(body) == (FIELDS | {"timeline"}) - {"description", "acknowledged_by", "resolved_by"}
    assert body["outcome"] == "real"
    assert [set(entry) for entry in body["timeline"]] == [{"at", "kind"}] * 2
    assert "119" not in str(body)


def test_for_a_stranger_it_does_not_exist(log: EmergencyLog, senior: Senior, lee: Staff) -> None:
    assert code(get(lee, f"emergencies/{log.pk}")) == (404, "not_found")
    assert code(get(lee, f"seniors/{senior.pk}/emergencies")) == (404, "not_found")
    assert code(post(lee, f"emergencies/{log.pk}/acknowledge")) == (404, "not_found")
    assert code(post(lee, f"emergencies/{log.pk}/resolve", {"outcome": "real"})) == (404, "not_found")
    log.refresh_from_db()
    assert log.status == "open"


def test_an_id_beyond_all_is_404(kim: Staff) -> None:
    assert code(get(kim, f"emergencies/{10**30}")) == (404, "not_found")


def test_who_looked_is_recorded(log: EmergencyLog, senior: Senior, kim: Staff) -> None:
    get(kim, f"emergencies/{log.pk}")
    get(kim, "emergencies")
    seen = AccessLog.objects.filter(staff=kim, senior_id=senior.pk).values_list("action", flat=True)
    assert {"emergency.view", "emergencies.list"} <= set(seen)


# -- acting


def test_acknowledging_answers_the_emergency_and_its_first_owner(log: EmergencyLog, kim: Staff, park: Staff) -> None:
    for person in (kim, park, kim):
        answer = post(person, f"emergencies/{log.pk}/acknowledge")
        assert answer.status_code == 200
        assert (answer.json()["status"], answer.json()["acknowledged_by"]) == ("acknowledged", kim.pk)


def test_acknowledging_a_resolved_one_is_409(log: EmergencyLog, kim: Staff) -> None:
    resolve(log.pk, kim, "real")
    assert code(post(kim, f"emergencies/{log.pk}/acknowledge")) == (409, "already_resolved")


def test_resolving_again_with_the_same_outcome_is_200_and_with_another_409(log: EmergencyLog, kim: Staff) -> None:
    path = f"emergencies/{log.pk}/resolve"
    for note in ("first", "second"):
        answer = post(kim, path, {"outcome": "equipment", "note": note})
        assert (answer.status_code, answer.json()["outcome"]) == (200, "equipment")
    assert code(post(kim, path, {"outcome": "real"})) == (409, "already_resolved")
    assert log.transitions.get(kind="resolved").detail["note"] == "first"


@pytest.mark.parametrize("body", [{}, {"outcome": "bored"}, {"outcome": None}, {"outcome": "real", "note": 1 * [2]}])
def test_a_resolution_needs_an_outcome(log: EmergencyLog, kim: Staff, body: dict[str, Any]) -> None:
    answer = post(kim, f"emergencies/{log.pk}/resolve", body)
    assert code(answer) == (400, "invalid")
    assert answer.json()["errors"]


def test_a_guardian_may_not_act(log: EmergencyLog, guardian: Staff) -> None:
    assert code(post(guardian, f"emergencies/{log.pk}/acknowledge")) == (403, "forbidden")
    assert code(post(guardian, f"emergencies/{log.pk}/resolve", {"outcome": "real"})) == (403, "forbidden")


def test_a_hub_is_of_the_wrong_kind(log: EmergencyLog, hub: IoTHub, hub_key: str) -> None:
    answer = Client().get("/api/v1/emergencies", headers={"Authorization": f"Api-Key {hub_key}"})
    assert code(answer) == (403, "forbidden")
