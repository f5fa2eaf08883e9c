from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from seniors import login
from seniors.models import AccessLog, LoginFailure, Revocation, Staff
from seniors.revocations import digest_session
from tests.factories import make_staff

if TYPE_CHECKING:
    from pytest_django import Settings

    from devices.models import IoTHub

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def fast_hashing(settings: Settings) -> None:
    """The default hasher takes 0.3 s, which is its purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def kim(fast_hashing: None) -> Staff:
    return make_staff(full_name="김미영", email="kim@anbu.example", password=PASSWORD)


def log_in(client: Client, **fields: Any) -> Any:
    body = {"email": "kim@anbu.example", "password": PASSWORD, **fields}
    return client.post("/api/v1/auth/login", body, content_type="application/json")


def code(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def second_factor(staff: Staff, given: str | None) -> bool:
    return given == "123456"


def test_a_person_logs_in_without_any_token(kim: Staff) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = log_in(client)
    me = {"staff_id": kim.pk, "email": "kim@anbu.example", "full_name": "김미영", "role": "caseworker"}
    assert (answer.status_code, answer.json()) == (200, me)
    assert {"sessionid", "csrftoken"} <= set(answer.cookies)
    assert client.get("/api/v1/auth/me").json() == me
    assert AccessLog.objects.filter(staff=kim, action="login").exists()


def test_the_case_of_an_address_does_not_matter(kim: Staff) -> None:
    assert log_in(Client(), email=" KIM@Anbu.example ").status_code == 200


def test_a_wrong_password_an_unknown_address_and_an_inactive_account_get_the_same_answer(kim: Staff) -> None:
    make_staff(email="gone@anbu.example", password=PASSWORD, is_active=False)
    answers = [
        log_in(Client(), password="wrong"),
        log_in(Client(), email="nobody@anbu.example"),
        log_in(Client(), email="gone@anbu.example"),
        log_in(Client(), email="not an address"),
    ]
    assert {code(answer) for answer in answers} == {(401, "invalid_credentials")}
    assert len({answer.content for answer in answers}) == 1
    assert not any("sessionid" in answer.cookies for answer in answers)


def test_an_unknown_address_costs_a_hash_too(kim: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    monkeypatch.setattr(Staff, "set_password", lambda staff, password: hashed.append(password))
    log_in(Client(), email="nobody@anbu.example", password="guess")
    assert hashed == ["guess"]


@pytest.mark.parametrize("body", [{"email": None}, {"password": ""}, {"email": 5 * [1]}, {"password": {}}])
def test_what_is_no_log_in_is_told_field_by_field(kim: Staff, body: dict[str, Any]) -> None:
    answer = log_in(Client(), **body)
    assert code(answer) == (400, "invalid")
    assert set(answer.json()["errors"]) == set(body)


# -- too many failures


def test_after_repeated_failures_the_place_has_to_wait_also_with_the_right_password(kim: Staff) -> None:
    for _ in range(login.FAILURES_OF_PERSON):
        assert log_in(Client(), password="wrong").status_code == 401
    answer = log_in(Client())
    assert code(answer) == (429, "throttled")
    assert int(answer.headers["Retry-After"]) > 0


def test_failures_are_forgotten_after_some_minutes_and_by_a_log_in(kim: Staff) -> None:
    for _ in range(login.FAILURES_OF_PERSON):
        log_in(Client(), password="wrong")
    LoginFailure.objects.update(failed_at=Now() - login.WINDOW - timedelta(seconds=1))
    assert log_in(Client()).status_code == 200
    assert not LoginFailure.objects.exists()


def test_one_persons_failures_do_not_stop_another_in_the_same_office(kim: Staff) -> None:
    for _ in range(login.FAILURES_OF_PERSON):
        log_in(Client(), email="lee@anbu.example", password="wrong")
    assert log_in(Client()).status_code == 200


def test_guessing_many_addresses_from_one_place_ends_too(kim: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "FAILURES_OF_ADDRESS", 3)
    for number in range(3):
        log_in(Client(), email=f"{number}@anbu.example", password="wrong")
    assert log_in(Client()).status_code == 429


# -- a second factor


def test_with_a_second_factor_the_code_is_asked_for(kim: Staff, settings: Settings) -> None:
    settings.ANBU_SECOND_FACTOR = "tests.seniors.test_log_in.second_factor"
    client = Client()
    assert code(log_in(client)) == (401, "mfa_required")
    assert "sessionid" not in client.cookies
    assert code(log_in(client, code="000000")) == (401, "mfa_required")
    assert LoginFailure.objects.count() == 1
    assert code(log_in(client, code="123456", password="wrong")) == (401, "invalid_credentials")
    assert log_in(client, code="123456").status_code == 200


# -- who am I


def test_who_is_nobody_gets_401_and_a_token(db: None) -> None:
    answer = Client().get("/api/v1/auth/me")
    assert code(answer) == (401, "not_authenticated")
    assert "csrftoken" in answer.cookies


def test_a_hub_is_nobody_who_logs_in(hub: IoTHub, hub_key: str) -> None:
    answer = Client().get("/api/v1/auth/me", headers={"Authorization": f"Api-Key {hub_key}"})
    assert code(answer) == (403, "forbidden")


# -- unsafe calls and the end


def test_an_unsafe_call_of_a_session_without_its_token_is_csrf_failed(kim: Staff) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(kim)
    for path in ("auth/logout", "seniors", "emergencies/1/acknowledge"):
        answer = client.post(f"/api/v1/{path}", {}, content_type="application/json")
        assert code(answer) == (403, "csrf_failed")


def test_with_the_token_of_the_cookie_it_is_let_through(kim: Staff) -> None:
    client = Client(enforce_csrf_checks=True)
    log_in(client)
    token = client.cookies["csrftoken"].value
    assert client.post("/api/v1/auth/logout", headers={"X-CSRFToken": token}).status_code == 204


def test_logging_out_ends_the_session_and_says_so_to_every_process(kim: Staff) -> None:
    client = Client()
    client.force_login(kim)
    key = client.cookies["sessionid"].value
    answer = client.post("/api/v1/auth/logout", content_type="application/json")
    assert (answer.status_code, answer.content) == (204, b"")
    assert Revocation.objects.get().subject == digest_session(key)
    stolen = Client()
    stolen.cookies["sessionid"] = key
    assert stolen.get("/api/v1/auth/me").status_code == 401


def test_logging_out_nobody_is_401(db: None) -> None:
    assert code(Client().post("/api/v1/auth/logout", content_type="application/json")) == (401, "not_authenticated")
