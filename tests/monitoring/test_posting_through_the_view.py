"""The same contract where no ASGI application of ours stands before Django."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError
from django.test import Client

from monitoring import event_store
from monitoring.models import EmergencyLog
from tests.monitoring.hub_posts import PATH, batch, event

if TYPE_CHECKING:
    from devices.models import IoTHub

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])


def post(key: str, body: bytes, **headers: str) -> Any:
    proof = {"Authorization": f"Api-Key {key}"} if key else {}
    return Client().post(PATH, body, content_type="application/json", headers=proof | headers)


def code(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_a_batch_is_taken_and_a_resend_counted(hub: IoTHub, hub_key: str) -> None:
    body = batch(event(), event(9, sensor_value="on"))
    first, again = post(hub_key, body).json(), post(hub_key, body).json()
    assert (first["accepted"], first["duplicates"], len(first["rejected"])) == (1, 0, 1)
    assert (again["accepted"], again["duplicates"], len(again["rejected"])) == (0, 1, 1)


def test_gzip_is_taken(hub: IoTHub, hub_key: str) -> None:
    answer = post(hub_key, gzip.compress(batch(event())), **{"Content-Encoding": " GZIP "})
    assert answer.json()["accepted"] == 1


def test_what_is_no_batch_is_malformed(hub: IoTHub, hub_key: str) -> None:
    assert code(post(hub_key, b'{"events": [], "events": []}')) == (400, "malformed")


@pytest.mark.parametrize("size", [1_048_577, 5_000_000])
def test_a_body_beyond_a_mebibyte_is_too_large(hub: IoTHub, hub_key: str, size: int) -> None:
    assert code(post(hub_key, b" " * size)) == (413, "too_large")


def test_a_gzip_bomb_is_too_large(hub: IoTHub, hub_key: str) -> None:
    bomb = gzip.compress(b" " * 20_000_000)
    assert code(post(hub_key, bomb, **{"Content-Encoding": "gzip"})) == (413, "too_large")


def test_a_wrong_clock_is_told_and_its_panic_raised(hub: IoTHub, hub_key: str) -> None:
    sent_at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    answer = post(hub_key, batch(event(event_content="sos"), sent_at=sent_at))
    assert code(answer) == (409, "clock_skew")
    assert answer.json()["server_time"]
    assert EmergencyLog.objects.count() == 1


def test_a_database_that_is_away_is_503(hub: IoTHub, hub_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(event_store, "store", fail)
    answer = post(hub_key, batch(event()))
    assert code(answer) == (503, "store_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_nobody_else_may_post(hub: IoTHub) -> None:
    assert code(post("", batch())) == (401, "not_authenticated")
