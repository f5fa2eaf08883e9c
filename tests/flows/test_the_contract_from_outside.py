"""A client that knows the contract alone: from log-in to a resolved emergency."""

from __future__ import annotations

import csv
import gzip
import json
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.flows.product import HubClient, receive

if TYPE_CHECKING:
    from tests.flows.product import Product, StaffClient

pytestmark = pytest.mark.flow
REAL_HOME = Path(__file__).resolve().parents[3] / "shared" / "ai" / "homes" / "casas_al_sample.csv.gz"


def hundred_events() -> list[dict[str, Any]]:
    """A hundred distinct events, of a real home where its recording is at hand, moved to the last hours."""
    start = datetime.now(UTC) - timedelta(hours=20)
    if not REAL_HOME.exists():
        return [
            {
                "timestamp": (start + timedelta(seconds=30 * index)).isoformat(),
                "sensor_id": f"motion_{index % 5}",
                "event_content": "motion",
                "sensor_value": index % 2 == 0,
            }
            for index in range(100)
        ]
    with gzip.open(REAL_HOME, "rt", newline="") as file:
        rows = list(islice(csv.DictReader(file), 100))
    first = datetime.fromisoformat(rows[0]["timestamp"]).replace(tzinfo=UTC)
    return [
        {
            "timestamp": (start + (datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC) - first)).isoformat(),
            "sensor_id": row["sensor_id"],
            "event_content": row["event_content"],
            "sensor_value": row["sensor_value"] == "1",
        }
        for row in rows
    ]


def test_a_senior_is_registered_events_are_kept_once_and_an_sos_is_taken_and_resolved(
    product: Product, supervisor: StaffClient
) -> None:
    created = supervisor.call(
        "POST",
        "/seniors",
        {"full_name": "김복순", "address": "춘천시 약사동 12", "hub": {"device_id": f"AA:{time.time_ns()}"}},
    )
    assert created.status_code == 201, created.text
    senior = created.json()
    assert senior["hub"]["status"] == "never_seen"
    hub = HubClient(product, senior["hub"]["api_key"])

    events = hundred_events()
    first, again = hub.send(events).json(), hub.send(events).json()
    assert (first["accepted"], first["duplicates"], first["rejected"]) == (100, 0, [])
    assert (again["accepted"], again["duplicates"]) == (0, 100)

    with supervisor.socket() as socket:
        hello = json.loads(socket.recv(timeout=5))
        assert hello["type"] == "hello"
        press = {
            "timestamp": datetime.now(UTC).isoformat(),
            "sensor_id": "button",
            "event_content": "sos",
            "sensor_value": True,
        }
        pressed_at = time.monotonic()
        assert hub.send([press]).status_code == 200
        raised = receive(socket, "emergency.raised", 2)
        assert time.monotonic() - pressed_at < 2
        emergency = raised["emergency"]
        assert emergency["event_type"] == "sos"
        assert emergency["severity"] == "critical"
        assert emergency["senior_id"] == senior["senior_id"]
        assert raised["seq"] > hello["head_seq"]
        socket.send(json.dumps({"type": "delivery.received", "delivery_id": raised["delivery_id"]}))

        log_id = emergency["log_id"]
        taken = supervisor.call("POST", f"/emergencies/{log_id}/acknowledge", {})
        assert taken.status_code == 200
        assert taken.json()["status"] == "acknowledged"
        changed = receive(socket, "emergency.changed", 2)
        assert changed["emergency"]["acknowledged_by"] == supervisor.get("/auth/me")["staff_id"]

        ended = supervisor.call("POST", f"/emergencies/{log_id}/resolve", {"outcome": "test", "note": "시험"})
        assert ended.status_code == 200
        assert receive(socket, "emergency.changed", 2)["emergency"]["status"] == "resolved"

    timeline = supervisor.get(f"/emergencies/{log_id}")["timeline"]
    kinds = [entry["kind"] for entry in timeline]
    assert kinds[0] == "raised"
    assert kinds[-1] == "resolved"
    delivery = next(entry for entry in timeline if entry["kind"] == "delivery")
    assert delivery["detail"]["received_at"] is not None


def test_a_wrong_key_is_401_and_a_body_that_is_not_json_is_400_with_a_code(
    product: Product, supervisor: StaffClient
) -> None:
    stranger = HubClient(product, "hub_0123456789." + "x" * 43)
    refused = stranger.send([])
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_credentials")
    assert refused.headers["content-type"] == "application/problem+json"

    created = supervisor.call(
        "POST", "/seniors", {"full_name": "이말순", "address": "양구읍 3", "hub": {"device_id": f"BB:{time.time_ns()}"}}
    ).json()
    hub = HubClient(product, created["hub"]["api_key"])
    rubbish = hub.http.post("/api/v1/hub/events", content=b"{not json")
    assert (rubbish.status_code, rubbish.json()["code"]) == (400, "malformed")
    hub_id = created["hub"]["hub_id"]
    assert supervisor.call("DELETE", f"/hubs/{hub_id}").status_code == 204
    time.sleep(1)
    assert hub.send([]).status_code == 401


def test_a_hub_at_a_persons_door_is_403_and_nobody_is_401(product: Product, supervisor: StaffClient) -> None:
    created = supervisor.call(
        "POST", "/seniors", {"full_name": "정순자", "address": "화천읍 7", "hub": {"device_id": f"CC:{time.time_ns()}"}}
    ).json()
    hub = HubClient(product, created["hub"]["api_key"])
    assert hub.http.get("/api/v1/seniors").status_code == 403
    assert supervisor.http.get("/api/v1/hub/config").status_code == 403
    assert HubClient(product, "none").http.get("/api/v1/seniors").status_code == 401
    assert hub.http.get("/api/v1/hub/config").json()["senior_id"] == created["senior_id"]
