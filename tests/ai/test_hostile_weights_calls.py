"""What a careless or hostile client sends to the weights' endpoints: never a 500, never HTML, nothing written."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from django.test import Client

from ai.models import AIWeight
from ai.service_accounts import issue_service_account

from .rows import make_artifact, make_live_weights, make_senior, make_supervisor, upload

pytestmark = [
    pytest.mark.django_db(databases=["default", "timeseries"]),
    pytest.mark.usefixtures("bucket"),
]

HUGE = 2**63
API = "/api/v1/ai"


@pytest.fixture
def worker() -> Client:
    client = Client(headers={"authorization": f"Api-Key {issue_service_account('training-1')}"})
    client.raise_request_exception = False
    return client


@pytest.fixture
def boss() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_supervisor())
    return client


def application(**changes: Any) -> dict[str, Any]:
    senior = make_senior()
    body = asdict(upload(senior.pk, make_artifact(senior.pk)))
    body |= {name: body[name].isoformat() for name in ("trained_from", "trained_to")}
    return body | changes


def send(client: Client, path: str, body: Any) -> Any:
    return client.post(f"{API}/{path}", json.dumps(body), content_type="application/json")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"weights/{HUGE}", 404),
        (f"weights/{2**31}", 404),
        ("weights/1?version=0", 400),
        ("weights/1?version=x", 400),
        (f"weights/1?version={HUGE}", 404),
        (f"weights?senior_id={HUGE}&at=2026-01-01T00:00:00Z", 404),
        ("weights?senior_id=1&at=2026-01-01T00:00:00", 400),
        ("weights?senior_id=1&at=2026-01-01T00:00:00+09:00", 400),  # a plus that was not escaped is a space
        ("weights?senior_id=1&at=9999-12-31T23:59:59-14:00", 400),
        ("weights?senior_id=1&at=0001-01-01T00:00:00%2B14:00", 400),
        ("weights?at=2026-01-01T00:00:00Z", 400),
    ],
)
def test_odd_questions_are_answered_as_problems(worker: Client, path: str, status: int) -> None:
    answer = worker.get(f"{API}/{path}")
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "changes",
    [
        {"senior_id": HUGE},
        {"senior_id": 2**31 - 1},
        {"senior_id": True},
        {"storage_path": "weights/1/\u0000"},
        {"storage_path": ""},
        {"sha256": "A" * 64},
        {"sha256": "0" * 63},
        {"size": 0},
        {"size": HUGE},
        {"size": 5000},
        {"trained_from": "2027-01-01T00:00:00Z"},
        {"trained_to": "2026-11-01T00:00:00"},
        {"metrics": [1]},
        {"metrics": None},
        {"metrics": {"note": "\u0000"}},
        {"metrics": {"deep": [[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]}},
        {"metrics": {"false_alarms_per_week": 10**400}},
    ],
)
def test_an_application_that_is_not_right_is_refused_and_leaves_no_row(worker: Client, changes: dict[str, Any]) -> None:
    answer = send(worker, "weights", application(**changes))
    assert answer.status_code in {400, 404, 422}, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert not AIWeight.objects.exists()


def test_weights_under_another_seniors_path_are_foreign_whatever_the_path_pretends(worker: Client) -> None:
    body = application()
    body["storage_path"] = f"weights/{body['senior_id']}0/../{body['senior_id']}/x.anbu"
    answer = send(worker, "weights", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "foreign_senior")


def test_an_unknown_field_and_a_wrong_method_are_problems_too(worker: Client) -> None:
    assert worker.delete(f"{API}/weights/1").status_code == 405
    assert worker.put(f"{API}/weights").status_code == 405
    assert worker.post(f"{API}/weights", "{", content_type="application/json").status_code == 400
    assert worker.post(f"{API}/weights", "[]", content_type="application/json").status_code == 400


@pytest.mark.parametrize("path", [f"weights/{HUGE}/activate", f"weights/{2**31}/activate", "weights/0/activate"])
def test_weights_of_impossible_numbers_cannot_be_activated(boss: Client, path: str) -> None:
    assert send(boss, path, {}).status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"weights/{HUGE}/problems", {"detail": "corrupt"}),
        (f"training/{HUGE}", {"results": []}),
        ("training/1", {"results": [{"senior_id": HUGE, "status": "active"}]}),
        ("training/1", {"results": "x"}),
        ("weights/1/problems", {"detail": "\u0000"}),
        ("weights/1/problems", {}),
    ],
)
def test_reports_about_nothing_are_refused(worker: Client, path: str, body: dict[str, Any]) -> None:
    assert send(worker, path, body).status_code in {400, 404}


def test_the_same_content_again_is_told_as_it_is_now(worker: Client, boss: Client) -> None:
    body = application()
    first = send(worker, "weights", body)
    assert (first.status_code, set(first.json())) == (201, {"weight_id", "version", "status", "reason"})
    again = send(worker, "weights", body)
    assert (again.status_code, again.json()) == (200, first.json())
    other = make_live_weights(AIWeight.objects.get().senior, 3.0)
    assert send(worker, "weights", body).json()["status"] == "superseded"
    assert send(boss, f"weights/{first.json()['weight_id']}/activate", {}).status_code == 200
    other.refresh_from_db()
    assert other.status == "superseded"
