"""What people and programs read when a store is away or we are wrong: an answer in their own form, never a trace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError
from django.test import RequestFactory
from redis.exceptions import ConnectionError as RedisConnectionError

from portal.store_outage import answer_server_error

if TYPE_CHECKING:
    from django.http import HttpResponse
    from pytest_django.fixtures import Settings


@pytest.fixture(autouse=True)
def files_without_a_manifest(settings: Settings) -> None:
    """Pages name their files plainly: nothing was collected for a unit test."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def answer_for(error: Exception, path: str) -> HttpResponse:
    try:
        raise error
    except type(error):
        return answer_server_error(RequestFactory().get(path))


@pytest.mark.parametrize("error", [OperationalError("gone"), RedisConnectionError("gone")])
def test_a_page_says_that_a_store_is_away_and_when_to_come_back(error: Exception) -> None:
    answer = answer_for(error, "/admin/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Content-Type"].startswith("text/html")
    assert b"gone" not in answer.content


def test_an_error_of_ours_is_a_page_without_its_cause() -> None:
    answer = answer_for(ValueError("a secret"), "/admin/")
    assert answer.status_code == 500
    assert "Retry-After" not in answer
    assert b"a secret" not in answer.content


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(OperationalError("gone"), 503, "store_unavailable"), (ValueError("a secret"), 500, "internal_error")],
)
def test_the_api_answers_with_a_problem(error: Exception, status: int, code: str) -> None:
    answer = answer_for(error, "/api/v1/seniors")
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert json.loads(answer.content)["code"] == code
