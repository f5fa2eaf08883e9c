from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db.migrations.executor import MigrationExecutor

from portal.operation import health

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client
    from pytest_django import Settings


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """What a process remembers of earlier checks."""
    health._migrated.clear()
    health._storage_client.cache_clear()
    yield
    health._storage_client.cache_clear()


def test_alive_is_answered_without_any_store(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db(databases=["default", "timeseries"])
def test_redis_away_is_degraded_and_named(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["redis"] == "away"
    assert answer.json()["checks"]["database:default"] == "ok"


@pytest.mark.django_db(databases=["default", "timeseries"])
def test_object_storage_away_is_degraded_and_named(client: Client, settings: Settings) -> None:
    weights = settings.STORAGES["weights"]
    options = {**weights["OPTIONS"], "endpoint_url": "http://127.0.0.1:1"}
    settings.STORAGES = {**settings.STORAGES, "weights": {**weights, "OPTIONS": options}}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["object_storage"] == "away"


@pytest.mark.django_db(databases=["default", "timeseries"])
def test_a_missing_migration_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda self, targets: [("monitoring", False)])
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database:default"] == "1 migrations are missing"
    assert answer["Retry-After"]


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic metrics-token"])
def test_metrics_are_for_those_who_have_the_token(client: Client, settings: Settings, header: str) -> None:
    settings.METRICS_TOKEN = "metrics-token"
    assert client.get("/metrics", headers={"Authorization": header}).status_code == 401


def test_metrics_are_refused_to_everybody_while_no_token_is_set(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_metrics_are_prometheus_text(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = "metrics-token"
    answer = client.get("/metrics", headers={"Authorization": "Bearer metrics-token"})
    assert answer.status_code == 200
    assert "# TYPE anbu_http_requests_total counter" in answer.content.decode()
