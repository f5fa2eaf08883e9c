from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from devices import registration
from devices.models import IoTHub
from monitoring.ownership import acknowledge
from monitoring.risk import record_risks
from seniors.enrollment import has_video_consent, map_staff
from seniors.models import AccessLog, Senior
from tests.factories import make_hub, make_senior
from tests.monitoring.emergencies import raised

if TYPE_CHECKING:
    from seniors.models import Staff

pytestmark = pytest.mark.django_db
ROW = {"senior_id", "full_name", "address", "risk", "hub", "open_emergencies"}


def call(staff: Staff | None, method: str, path: str, body: Any = None, **query: Any) -> Any:
    client = Client()
    if staff is not None:
        client.force_login(staff)
    if method == "get":
        return client.get(f"/api/v1/{path}", query)
    return getattr(client, method)(f"/api/v1/{path}", {} if body is None else body, content_type="application/json")


def code(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def names(staff: Staff, **query: Any) -> list[str]:
    answer = call(staff, "get", "seniors", **query)
    assert answer.status_code == 200, answer.content
    return [row["full_name"] for row in answer.json()["results"]]


def set_risk(senior: Senior, level: str, score: float = 0.5) -> None:
    record_risks(
        [
            {
                "senior_id": senior.pk,
                "level": level,
                "score": score,
                "reasons": [],
                "episode": None,
                "observed_at": datetime.now(UTC),
                "weight_id": None,
            }
        ]
    )


def seen(hub: IoTHub, status: str, minutes_ago: int) -> None:
    moment = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    IoTHub.objects.filter(pk=hub.pk).update(status=status, last_seen_at=moment)


# -- registering


NEW = {"full_name": "최영희", "address": "서울시 은평구 1", "health_info": {"diabetes": True}}


def test_a_caseworker_registers_a_senior_with_a_hub_and_is_mapped_to_them(lee: Staff) -> None:
    answer = call(lee, "post", "seniors", {**NEW, "hub": {"device_id": "HUB-NEW"}})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["full_name"], body["address"], body["health_info"]) == tuple(NEW.values())
    assert body["video_consent"] is False
    assert (body["hub"]["device_id"], body["hub"]["status"]) == ("HUB-NEW", "never_seen")
    key = body["hub"]["api_key"]
    config = Client().get("/api/v1/hub/config", headers={"Authorization": f"Api-Key {key}"}).json()
    assert (config["hub_id"], config["senior_id"]) == (body["hub"]["hub_id"], body["senior_id"])
    again = call(lee, "get", f"seniors/{body['senior_id']}")
    assert again.status_code == 200
    assert key not in again.content.decode()


def test_the_hub_may_be_left_out(kim: Staff) -> None:
    for body in (NEW, {**NEW, "hub": None}):
        answer = call(kim, "post", "seniors", body)
        assert (answer.status_code, answer.json()["hub"]) == (201, None)


def test_a_device_of_somebody_else_is_409_and_nobody_is_registered(kim: Staff, hub: IoTHub) -> None:
    before = Senior.objects.count()
    answer = call(kim, "post", "seniors", {**NEW, "hub": {"device_id": hub.device_id}})
    assert code(answer) == (409, "device_already_registered")
    assert Senior.objects.count() == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"full_name": ""}, "full_name"),
        ({"full_name": "가" * 101}, "full_name"),
        ({"address": None}, "address"),
        ({"health_info": []}, "health_info"),
        ({"health_info": "none"}, "health_info"),
        ({"hub": {}}, "hub"),
        ({"hub": {"device_id": ""}}, "hub"),
        ({"hub": "HUB"}, "hub"),
    ],
)
def test_a_field_that_is_not_right_is_named(kim: Staff, change: dict[str, Any], field: str) -> None:
    answer = call(kim, "post", "seniors", {**NEW, **change})
    assert code(answer) == (400, "invalid")
    assert set(answer.json()["errors"]) == {field}


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"full_name": "a", "full_name": "b"}', b'{"a": NaN}', b"\xff"])
def test_what_is_no_json_object_is_refused(kim: Staff, body: bytes) -> None:
    answer = call(kim, "post", "seniors", body)
    assert code(answer) in {(400, "malformed"), (400, "invalid")}


def test_numbers_that_no_database_keeps_are_malformed(kim: Staff) -> None:
    body = b'{"full_name": "a", "address": "b", "health_info": {"weight": 1e999}}'
    assert code(call(kim, "post", "seniors", body)) == (400, "malformed")


def test_a_guardian_registers_nobody(guardian: Staff) -> None:
    assert code(call(guardian, "post", "seniors", NEW)) == (403, "forbidden")


# -- the list


def test_each_role_lists_whom_they_may_see(
    senior: Senior, kim: Staff, lee: Staff, park: Staff, guardian: Staff
) -> None:
    assert names(kim) == names(guardian) == ["박순자"]
    assert "박순자" not in names(lee)
    assert len(names(park)) == Senior.objects.count() == 2
    assert code(call(None, "get", "seniors")) == (401, "not_authenticated")


def test_a_row_tells_risk_hub_and_open_emergencies(senior: Senior, kim: Staff, hub: IoTHub) -> None:
    raised(senior)
    acknowledge(raised(senior, event_type="sos").pk, kim)
    set_risk(senior, "warning", 0.8)
    seen(hub, "online", 1)
    (row,) = call(kim, "get", "seniors").json()["results"]
    assert set(row) == ROW
    assert set(row["hub"]) == {"hub_id", "device_id", "status", "last_seen_at"}
    assert (row["hub"]["hub_id"], row["hub"]["status"]) == (hub.pk, "online")
    assert (row["risk"]["level"], row["risk"]["score"], set(row["risk"])) == (
        "warning",
        0.8,
        {"level", "score", "updated_at"},
    )
    assert row["open_emergencies"] == 2


def test_nothing_known_is_no_data_and_no_hub_is_null(senior: Senior, kim: Staff, hub: IoTHub) -> None:
    registration.deregister(hub, None)
    (row,) = call(kim, "get", "seniors").json()["results"]
    assert (row["hub"], row["risk"], row["open_emergencies"]) == (
        None,
        {"level": "no_data", "score": None, "updated_at": None},
        0,
    )


@pytest.fixture
def four(lee: Staff) -> Staff:
    """A caseworker of four: two at risk, of whom one is silent for longer, a calm one, and one of no data."""
    Senior.objects.all().delete()
    for name, level, minutes in (("가", "normal", 1), ("나", "warning", 5), ("다", "warning", 90), ("라", "", 0)):
        senior = make_senior(full_name=name, address=f"{name}동")
        map_staff(lee, senior)
        if level:
            set_risk(senior, level)
            seen(make_hub(senior)[0], "online" if minutes < 60 else "offline", minutes)
    return lee


def test_the_order_is_risk_and_then_the_longest_silence(four: Staff) -> None:
    assert names(four) == ["다", "나", "라", "가"]


def test_it_can_be_ordered_otherwise(four: Staff) -> None:
    assert names(four, ordering="full_name") == ["가", "나", "다", "라"]
    assert names(four, ordering="-full_name") == ["라", "다", "나", "가"]
    assert names(four, ordering="last_seen_at") == ["다", "나", "가", "라"]


def test_it_can_be_narrowed(four: Staff) -> None:
    assert names(four, search="다동") == ["다"]
    assert names(four, risk="warning", hub_status="online") == ["나"]
    assert names(four, risk="no_data") == ["라"]
    assert names(four, hub_status="offline") == ["다"]
    assert names(four, search="%") == []
    assert names(four, search="다\x00") == []


@pytest.mark.parametrize("query", [{"risk": "x"}, {"hub_status": "x"}, {"ordering": "address"}])
def test_a_value_that_is_none_is_told(kim: Staff, query: dict[str, str]) -> None:
    answer = call(kim, "get", "seniors", **query)
    assert code(answer) == (400, "invalid")
    assert set(answer.json()["errors"]) == set(query)


def test_pages_have_up_to_100_rows(park: Staff) -> None:
    Senior.objects.bulk_create(Senior(full_name=f"{n}", address="x") for n in range(105))
    page = call(park, "get", "seniors", page_size=1000).json()
    assert (page["count"], len(page["results"]), page["previous"]) == (105, 100, None)
    assert "page=2" in page["next"]
    assert len(call(park, "get", "seniors", page_size=7).json()["results"]) == 7
    assert code(call(park, "get", "seniors", page=99)) == (404, "not_found")


def test_the_list_costs_the_same_however_long_it_is(four: Staff, django_assert_max_num_queries: Any) -> None:
    client = Client()
    client.force_login(four)
    with django_assert_max_num_queries(5):  # session, person, count, rows, access log
        assert len(client.get("/api/v1/seniors").json()["results"]) == 4


def test_whose_rows_were_read_is_recorded(four: Staff) -> None:
    names(four, search="다")
    (trace,) = AccessLog.objects.filter(staff=four)
    assert trace.action == "seniors.list"


# -- one senior


def test_health_is_told_here_and_not_to_guardians(senior: Senior, kim: Staff, park: Staff, guardian: Staff) -> None:
    Senior.objects.filter(pk=senior.pk).update(health_info={"dementia": "mild"})
    for person in (kim, park):
        body = call(person, "get", f"seniors/{senior.pk}").json()
        assert (body["health_info"], body["video_consent"]) == ({"dementia": "mild"}, False)
        assert set(body) >= ROW
    family = call(guardian, "get", f"seniors/{senior.pk}")
    assert family.status_code == 200
    assert "health_info" not in family.json()
    assert "dementia" not in family.content.decode()
    assert "health_info" not in call(kim, "get", "seniors").json()["results"][0]


def test_for_a_stranger_a_senior_does_not_exist(senior: Senior, lee: Staff) -> None:
    assert code(call(lee, "get", f"seniors/{senior.pk}")) == (404, "not_found")
    assert code(call(lee, "patch", f"seniors/{senior.pk}", {"full_name": "x"})) == (404, "not_found")
    assert code(call(lee, "get", f"seniors/{10**30}")) == (404, "not_found")


def test_a_caseworker_changes_what_is_sent_and_nothing_else(senior: Senior, kim: Staff) -> None:
    answer = call(kim, "patch", f"seniors/{senior.pk}", {"address": "부산시", "health_info": {"a": 1}})
    assert (answer.status_code, answer.json()["address"], answer.json()["full_name"]) == (200, "부산시", "박순자")
    trace = AccessLog.objects.get(staff=kim, senior_id=senior.pk, action="senior.change")
    assert trace.detail == {"fields": ["address", "health_info"]}


def test_a_guardian_gives_and_withdraws_video_consent_alone(senior: Senior, guardian: Staff) -> None:
    path = f"seniors/{senior.pk}"
    for given in (True, False):
        answer = call(guardian, "patch", path, {"video_consent": given})
        assert (answer.status_code, answer.json()["video_consent"]) == (200, given)
        assert "health_info" not in answer.json()
        assert has_video_consent(senior.pk) is given
    for body in ({"full_name": "x"}, {"video_consent": True, "address": "x"}, {"health_info": 5}):
        assert code(call(guardian, "patch", path, body)) == (403, "forbidden")
    assert not has_video_consent(senior.pk)
    senior.refresh_from_db()
    assert senior.full_name == "박순자"


@pytest.mark.parametrize("body", [{"video_consent": "perhaps"}, {"full_name": None}, {"health_info": None}, []])
def test_a_change_that_is_none_is_refused(senior: Senior, kim: Staff, body: Any) -> None:
    assert code(call(kim, "patch", f"seniors/{senior.pk}", body)) == (400, "invalid")


def test_a_senior_cannot_be_deleted(senior: Senior, park: Staff) -> None:
    assert code(call(park, "delete", f"seniors/{senior.pk}")) == (405, "method_not_allowed")
