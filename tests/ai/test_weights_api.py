"""The AI endpoints as a worker, a supervisor and those who may not meet them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from ai.service_accounts import issue_service_account
from devices.api_keys import new_key
from devices.models import HubKey
from monitoring.models import RiskState

from .rows import make_artifact, make_caseworker, make_live_weights, make_senior, make_supervisor, upload

pytestmark = [pytest.mark.django_db(databases=["default", "timeseries"]), pytest.mark.usefixtures("bucket")]


@pytest.fixture
def worker() -> Client:
    return Client(headers={"authorization": f"Api-Key {issue_service_account('scoring-1')}"})


@pytest.fixture
def supervisor() -> Client:
    client = Client()
    client.force_login(make_supervisor())
    return client


def application(senior_id: int, data: bytes, **changes: Any) -> dict[str, Any]:
    said = upload(senior_id, data)
    return {
        "senior_id": senior_id,
        "storage_path": said.storage_path,
        "sha256": said.sha256,
        "size": said.size,
        "trained_from": said.trained_from.isoformat(),
        "trained_to": said.trained_to.isoformat(),
        "metrics": said.metrics,
        **changes,
    }


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(f"/api/v1/ai/{path}", body, content_type="application/json")


def test_the_active_weights_are_told_with_path_and_digest(worker: Client) -> None:
    senior = make_senior()
    weight = make_live_weights(senior)
    answer = worker.get(f"/api/v1/ai/weights/{senior.pk}")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"weight_id", "senior_id", "version", "storage_path", "sha256", "size", "created_at"}
    assert (body["weight_id"], body["senior_id"], body["version"]) == (weight.pk, senior.pk, 1)
    assert (body["sha256"], body["size"]) == (weight.sha256, weight.size)


def test_another_version_is_told_when_it_is_asked_for(worker: Client) -> None:
    senior = make_senior()
    first = make_live_weights(senior, 2.0)
    make_live_weights(senior, 3.0)
    assert worker.get(f"/api/v1/ai/weights/{senior.pk}?version=1").json()["weight_id"] == first.pk
    assert worker.get(f"/api/v1/ai/weights/{senior.pk}?version=7").status_code == 404
    assert worker.get(f"/api/v1/ai/weights/{senior.pk}?version=x").status_code == 400


def test_a_senior_without_weights_has_no_active_weights(worker: Client) -> None:
    answer = worker.get(f"/api/v1/ai/weights/{make_senior().pk}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "no_active_weights"


def test_weights_are_registered_once_and_known_afterwards(worker: Client) -> None:
    senior = make_senior()
    body = application(senior.pk, make_artifact(senior.pk))
    first, again = post(worker, "weights", body), post(worker, "weights", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert set(first.json()) == {"weight_id", "version", "status", "reason"}
    assert first.json()["status"] == "active"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sha256": "0" * 64}, "digest_mismatch"),
        ({"storage_path": "weights/1/../../etc"}, "foreign_senior"),
    ],
)
def test_an_application_that_cannot_be_taken_says_why(worker: Client, changes: dict[str, Any], code: str) -> None:
    senior = make_senior()
    answer = post(worker, "weights", application(senior.pk, make_artifact(senior.pk), **changes))
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_missing_object_and_unreadable_bytes_have_codes_of_their_own(worker: Client) -> None:
    senior = make_senior()
    gone = application(senior.pk, make_artifact(senior.pk), storage_path=f"weights/{senior.pk}/gone.anbu")
    assert post(worker, "weights", gone).json()["code"] == "object_missing"
    assert post(worker, "weights", application(senior.pk, b"pickle")).json()["code"] == "unreadable"
    foreign = application(senior.pk, make_artifact(senior.pk + 1))
    assert post(worker, "weights", foreign).json()["code"] == "foreign_senior"


@pytest.mark.parametrize("field", ["senior_id", "storage_path", "sha256", "size", "trained_from", "metrics"])
def test_an_application_without_a_field_names_it(worker: Client, field: str) -> None:
    senior = make_senior()
    body = application(senior.pk, make_artifact(senior.pk))
    del body[field]
    answer = post(worker, "weights", body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_a_time_without_an_offset_is_refused(worker: Client) -> None:
    senior = make_senior()
    body = application(senior.pk, make_artifact(senior.pk), trained_to="2026-11-01T00:00:00")
    assert "trained_to" in post(worker, "weights", body).json()["errors"]


def test_a_supervisor_rolls_back(worker: Client, supervisor: Client) -> None:
    senior = make_senior()
    first = make_live_weights(senior, 2.0)
    make_live_weights(senior, 3.0)
    answer = post(supervisor, f"weights/{first.pk}/activate", {})
    assert (answer.status_code, answer.json()["status"]) == (200, "active")
    assert worker.get(f"/api/v1/ai/weights/{senior.pk}").json()["weight_id"] == first.pk


def test_a_roll_back_by_a_browser_needs_the_csrf_token() -> None:
    weight = make_live_weights(make_senior())
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_supervisor())
    answer = post(browser, f"weights/{weight.pk}/activate", {})
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_weights_that_are_not_there_cannot_be_activated(supervisor: Client) -> None:
    assert post(supervisor, "weights/424242/activate", {}).status_code == 404


def test_what_was_live_at_a_time_is_told(worker: Client, supervisor: Client) -> None:
    senior = make_senior()
    weight = make_live_weights(senior)
    query: dict[str, int | str] = {"senior_id": senior.pk, "at": "2100-01-01T00:00:00+09:00"}
    for client in (worker, supervisor):
        body = client.get("/api/v1/ai/weights", query).json()
        assert (body["weight_id"], body["version"]) == (weight.pk, 1)
        assert "activated_at" in body
    before = worker.get("/api/v1/ai/weights", {**query, "at": "2001-01-01T00:00:00Z"})
    assert (before.status_code, before.json()["code"]) == (404, "no_active_weights")
    assert worker.get("/api/v1/ai/weights", {"senior_id": senior.pk}).status_code == 400


def risk(senior_id: int, **changes: Any) -> dict[str, Any]:
    return {
        "senior_id": senior_id,
        "level": "watch",
        "score": 0.7,
        "reasons": [{"code": "silent_for", "values": {"minutes": 142, "usual_max_minutes": 70}}],
        "episode": None,
        "observed_at": "2026-11-22T08:30:00+09:00",
        "weight_id": None,
        **changes,
    }


def test_risks_are_taken_in_and_counted(worker: Client) -> None:
    senior = make_senior()
    answer = post(worker, "risk", {"risks": [risk(senior.pk), risk(987654)]})
    assert answer.status_code == 200
    assert answer.json() == {"updated": 1, "stale": 0, "unknown": 1}
    state = RiskState.objects.get(senior=senior)
    assert (state.level, state.score) == ("watch", 0.7)
    assert state.reasons[0]["values"]["minutes"] == 142


def test_an_older_word_is_stale_and_an_equal_one_is_not(worker: Client) -> None:
    senior = make_senior()
    post(worker, "risk", {"risks": [risk(senior.pk)]})
    older = risk(senior.pk, level="normal", observed_at="2026-11-22T08:29:59+09:00")
    assert post(worker, "risk", {"risks": [older]}).json() == {"updated": 0, "stale": 1, "unknown": 0}
    assert post(worker, "risk", {"risks": [risk(senior.pk)]}).json()["updated"] == 1
    assert RiskState.objects.get(senior=senior).level == "watch"


def test_of_two_words_about_one_senior_the_newer_counts(worker: Client) -> None:
    senior = make_senior()
    newer = risk(senior.pk, level="emergency", observed_at="2026-11-22T08:31:00+09:00")
    assert post(worker, "risk", {"risks": [newer, risk(senior.pk)]}).json() == {"updated": 1, "stale": 1, "unknown": 0}
    assert RiskState.objects.get(senior=senior).level == "emergency"


def test_only_a_change_of_level_moves_the_time_of_change(worker: Client) -> None:
    senior = make_senior()
    post(worker, "risk", {"risks": [risk(senior.pk)]})
    RiskState.objects.update(changed_at="2026-01-01T00:00:00Z")
    post(worker, "risk", {"risks": [risk(senior.pk, score=0.75)]})
    assert RiskState.objects.get(senior=senior).changed_at.year == 2026
    assert RiskState.objects.get(senior=senior).changed_at.month == 1


@pytest.mark.parametrize(
    "changes", [{"level": "panic"}, {"score": 1.5}, {"observed_at": "yesterday"}, {"senior_id": "x"}]
)
def test_a_risk_that_is_not_right_is_refused(worker: Client, changes: dict[str, Any]) -> None:
    answer = post(worker, "risk", {"risks": [risk(make_senior().pk) | changes]})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_more_than_a_thousand_risks_are_refused(worker: Client) -> None:
    assert post(worker, "risk", {"risks": [risk(1)] * 1001}).status_code == 400


WORKERS_ONLY = [("post", "/api/v1/ai/weights"), ("post", "/api/v1/ai/risk")]
WORKERS_AND_SUPERVISORS = [("get", "/api/v1/ai/weights/1"), ("get", "/api/v1/ai/weights")]
SUPERVISORS_ONLY = [("post", "/api/v1/ai/weights/1/activate")]
ALL = WORKERS_ONLY + WORKERS_AND_SUPERVISORS + SUPERVISORS_ONLY


@pytest.mark.parametrize(("method", "path"), ALL)
def test_nobody_without_a_credential_is_answered(method: str, path: str) -> None:
    for headers in ({}, {"authorization": "Api-Key svc_0123456789." + "x" * 43}, {"authorization": "Api-Key what"}):
        answer = getattr(Client(headers=headers), method)(path)
        assert answer.status_code == 401
        assert answer.json()["code"] in {"not_authenticated", "invalid_credentials"}


@pytest.mark.parametrize(("method", "path"), ALL)
def test_a_hubs_key_is_the_wrong_kind(method: str, path: str) -> None:
    key = new_key()
    HubKey.objects.create(hub=make_senior().hubs.get(), prefix=key.prefix, key_hash=key.key_hash)
    answer = getattr(Client(headers={"authorization": f"Api-Key {key.key}"}), method)(path)
    assert answer.status_code == 403


@pytest.mark.parametrize(("method", "path"), ALL)
def test_a_caseworkers_session_is_the_wrong_kind(method: str, path: str) -> None:
    client = Client()
    client.force_login(make_caseworker())
    assert getattr(client, method)(path).status_code == 403


@pytest.mark.parametrize(("method", "path"), WORKERS_ONLY)
def test_a_supervisor_does_not_speak_for_a_worker(supervisor: Client, method: str, path: str) -> None:
    assert getattr(supervisor, method)(path).status_code == 403


@pytest.mark.parametrize(("method", "path"), SUPERVISORS_ONLY)
def test_a_worker_does_not_decide_for_a_supervisor(worker: Client, method: str, path: str) -> None:
    assert getattr(worker, method)(path).status_code == 403
