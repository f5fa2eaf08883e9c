from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import DataError, InterfaceError, OperationalError
from django.test import Client
from redis.exceptions import ConnectionError as RedisConnectionError

if TYPE_CHECKING:
    from pytest_django import Settings

    from seniors.models import Staff

pytestmark = pytest.mark.django_db


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """An error in the one shape that errors have."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["type"], body["status"], body["code"]) == ("about:blank", status, code)
    assert body["title"]
    assert body["detail"]
    return body


@pytest.fixture
def client(kim: Staff) -> Client:
    """Kim's browser, which is answered as a stranger would be, instead of raising."""
    client = Client(raise_request_exception=False)
    client.force_login(kim)
    return client


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["/api/", "/api/v1/nothing", "/api/v1/seniors/abc", "/api/v2/seniors"])
def test_a_path_that_is_none_is_404_for_every_method(path: str, method: str) -> None:
    client = Client(enforce_csrf_checks=True)
    assert_problem(getattr(client, method)(path), 404, "not_found")


def test_a_method_that_is_none_is_405(client: Client) -> None:
    answer = client.put("/api/v1/seniors", {}, content_type="application/json")
    assert_problem(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_nobody_is_401_and_told_how_to_prove_themselves() -> None:
    answer = Client().get("/api/v1/seniors")
    assert_problem(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"]


def test_another_kind_of_body_is_415(client: Client) -> None:
    answer = client.post("/api/v1/seniors", "<senior/>", content_type="application/xml")
    assert_problem(answer, 415, "unsupported_media_type")


def test_a_malformed_body_is_400(client: Client) -> None:
    assert_problem(client.post("/api/v1/seniors", b"{", content_type="application/json"), 400, "malformed")


@pytest.mark.parametrize("size", [1_048_577, 4_000_000])
def test_a_body_beyond_a_mebibyte_is_413(client: Client, size: int) -> None:
    answer = client.post("/api/v1/seniors", b" " * size, content_type="application/json")
    assert_problem(answer, 413, "too_large")


def test_fields_that_are_not_right_stand_by_name_in_errors(client: Client) -> None:
    answer = client.post("/api/v1/seniors", {"full_name": ""}, content_type="application/json")
    assert set(assert_problem(answer, 400, "invalid")["errors"]) == {"full_name", "address"}
    answer = client.post("/api/v1/seniors", b"[]", content_type="application/json")
    assert assert_problem(answer, 400, "invalid")["errors"]


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, RedisConnectionError])
def test_a_store_that_is_away_is_503_with_retry_after(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*args: object) -> None:
        raise error("connection refused")

    monkeypatch.setattr("portal.api.seniors.senior_rows", fail)
    answer = client.get("/api/v1/seniors")
    assert "refused" not in assert_problem(answer, 503, "store_unavailable")["detail"]
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("error", [ZeroDivisionError, DataError])
def test_an_error_of_ours_is_500_without_a_trace(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*args: object) -> None:
        raise error("secret detail")

    monkeypatch.setattr("portal.api.seniors.senior_rows", fail)
    answer = client.get("/api/v1/seniors")
    assert_problem(answer, 500, "internal_error")
    assert b"secret" not in answer.content


def test_a_page_is_answered_with_a_page(client: Client, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("connection refused")

    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # nothing was collected here
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    monkeypatch.setattr("portal.admin_site.show_desk", fail)
    answer = client.get("/admin/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Content-Type"].startswith("text/html")
