from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from django.db.models.functions import Now
from django.test import Client

from devices import claims, registration
from devices.authentication import authenticate_hub
from devices.models import HubClaim
from seniors.models import AccessLog
from tests.factories import make_hub, make_senior

if TYPE_CHECKING:
    from devices.models import IoTHub
    from seniors.models import Staff

pytestmark = pytest.mark.django_db


def claim(device_id: str, code: str) -> Any:
    body = {"device_id": device_id, "code": code}
    return Client().post("/api/v1/hub/claim", body, content_type="application/json")


def ask_for_code(who: Staff, hub: IoTHub) -> Any:
    client = Client()
    client.force_login(who)
    return client.post(f"/api/v1/hubs/{hub.hub_id}/claim-code", {}, content_type="application/json")


def works(key: str) -> bool:
    return authenticate_hub(f"Api-Key {key}") is not None


def test_a_hub_exchanges_the_code_for_its_key(kim: Staff, hub: IoTHub, hub_key: str) -> None:
    told = ask_for_code(kim, hub)
    assert (told.status_code, told.headers["Cache-Control"]) == (201, "no-store")
    answer = claim(hub.device_id, told.json()["code"])
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    taken = answer.json()
    assert (taken["hub_id"], taken["senior_id"], taken["device_id"]) == (hub.hub_id, hub.senior_id, hub.device_id)
    assert works(taken["api_key"])
    assert not works(hub_key)


def test_the_text_of_the_qr_code_says_where_and_which(kim: Staff, hub: IoTHub) -> None:
    told = ask_for_code(kim, hub).json()
    kind, _, query = told["qr_text"].partition("?")
    assert kind == "anbu:claim"
    assert parse_qs(query) == {"url": ["http://testserver"], "device_id": [hub.device_id], "code": [told["code"]]}


def test_a_code_works_once(hub: IoTHub) -> None:
    code = claims.issue_claim(hub).code
    assert [claim(hub.device_id, code).status_code for _ in range(2)] == [201, 401]


def test_a_code_is_typed_as_people_type(hub: IoTHub) -> None:
    code = claims.issue_claim(hub).code
    assert claim(hub.device_id, f" {code.lower().replace('-', ' ')} ").status_code == 201


def test_a_newer_code_kills_the_older(hub: IoTHub) -> None:
    old, new = claims.issue_claim(hub).code, claims.issue_claim(hub).code
    assert [claim(hub.device_id, code).status_code for code in (old, new)] == [401, 201]


def test_a_code_dies_after_an_hour(hub: IoTHub) -> None:
    code = claims.issue_claim(hub).code
    HubClaim.objects.update(expires_at=Now())
    assert claim(hub.device_id, code).status_code == 401


def test_a_code_dies_after_five_wrong_tries(hub: IoTHub) -> None:
    code = claims.issue_claim(hub).code
    assert [claim(hub.device_id, "AAAA-AAAA").status_code for _ in range(5)] == [401] * 5
    assert claim(hub.device_id, code).status_code == 401


def test_a_code_is_worth_nothing_to_another_device(hub: IoTHub) -> None:
    other, _ = make_hub(make_senior())
    assert claim(other.device_id, claims.issue_claim(hub).code).status_code == 401


def test_a_code_dies_with_the_registration(hub: IoTHub) -> None:
    code = claims.issue_claim(hub).code
    registration.deregister(hub, None)
    assert claim(hub.device_id, code).status_code == 401
    with pytest.raises(registration.HubNotRegistered):
        claims.issue_claim(hub)


def test_an_unknown_device_and_a_wrong_code_get_the_same_answer(hub: IoTHub) -> None:
    claims.issue_claim(hub)
    answers = [claim(device_id, "AAAA-AAAA") for device_id in (hub.device_id, "NOBODY")]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["code"] == "invalid_claim"


def test_who_asked_and_that_it_was_taken_leave_a_trace(kim: Staff, hub: IoTHub) -> None:
    claim(hub.device_id, ask_for_code(kim, hub).json()["code"])
    rows = AccessLog.objects.filter(senior_id=hub.senior_id).order_by("pk").values_list("action", "staff")
    assert list(rows) == [("hub.claim_code", kim.pk), ("hub.claim", None)]


def test_only_those_who_care_for_the_senior_get_a_code(hub: IoTHub, lee: Staff, guardian: Staff, park: Staff) -> None:
    assert [ask_for_code(who, hub).status_code for who in (lee, guardian, park)] == [404, 403, 201]
