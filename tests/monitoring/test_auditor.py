from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.db.models.functions import Now

from devices.models import SafetyCheck
from monitoring import escalation
from monitoring.auditor import audit, look
from monitoring.models import AlertDelivery, EmergencyLog, Outbox, RiskState
from monitoring.notification.models import ChannelKind, Notification, Purpose
from monitoring.outbox import stamp_sequence
from monitoring.ownership import acknowledge
from tests.monitoring.emergencies import let_pass, raised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from devices.models import IoTHub
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])
LONG_AGO = Now() - timedelta(minutes=5)


def codes() -> list[str]:
    return [finding.code for finding in look()]


def test_an_emergency_on_its_way_is_as_it_should_be(senior: Senior, kim: Staff, park: Staff) -> None:
    log = raised(senior)
    stamp_sequence()
    assert codes() == []
    let_pass(log, "step_due_at", seconds=90)
    escalation.climb(log.pk)
    stamp_sequence()
    acknowledge(log.pk, kim)
    stamp_sequence()
    assert codes() == []


def test_a_step_that_nobody_took_is_found(senior: Senior, kim: Staff) -> None:
    log = raised(senior)
    let_pass(log, "step_due_at", seconds=20)
    stamp_sequence()
    assert codes() == []
    EmergencyLog.objects.update(step_due_at=Now() - timedelta(seconds=31))
    (finding,) = look()
    assert (finding.code, finding.rows, finding.example) == ("step_missed", 1, log.pk)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"step_due_at": None, "detected_at": LONG_AGO}, "no_step_planned"),
        ({"test": True, "test_due_at": LONG_AGO}, "test_not_ended"),
        ({"status": "acknowledged", "ask_due_at": LONG_AGO}, "owner_not_followed"),
        ({"status": "acknowledged", "snoozed_until": LONG_AGO}, "owner_not_followed"),
        ({"assign_due_at": LONG_AGO}, "hand_over_not_ended"),
    ],
)
def test_what_was_due_and_did_not_happen_is_found(
    senior: Senior, kim: Staff, change: dict[str, Any], code: str
) -> None:
    raised(senior)
    stamp_sequence()
    EmergencyLog.objects.update(**change)
    assert codes() == [code]


def test_an_emergency_of_which_nobody_was_alerted_is_found(senior: Senior) -> None:
    raised(senior)
    stamp_sequence()
    assert AlertDelivery.objects.count() == 0
    EmergencyLog.objects.update(detected_at=LONG_AGO)
    assert codes() == ["nobody_alerted"]


def test_an_announcement_without_its_number_is_found(senior: Senior, kim: Staff) -> None:
    raised(senior)
    assert codes() == []
    Outbox.objects.update(created_at=LONG_AGO)
    assert codes() == ["announcement_without_number"]


def test_a_message_that_is_not_sent_is_found(kim: Staff) -> None:
    Notification.objects.create(staff=kim, kind=ChannelKind.EMAIL, purpose=Purpose.ALERT, due_at=LONG_AGO)
    assert codes() == ["message_not_sent"]


def test_a_check_without_end_is_found(hub: IoTHub) -> None:
    SafetyCheck.objects.create(senior=hub.senior, hub=hub, prompt="괜찮으세요?", expires_at=LONG_AGO)
    assert codes() == ["check_without_end"]


def batch_came(hub: IoTHub, seconds_ago: float) -> None:
    with connections["timeseries"].cursor() as cursor:
        statement = (
            "INSERT INTO ingest_batches (hub_id, first_at, last_at, events, received_at) VALUES (%s, %s, %s, 1, %s)"
        )
        at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        cursor.execute(statement, [hub.pk, at, at, at])


def test_events_without_a_score_are_found(hub: IoTHub) -> None:
    batch_came(hub, 60)
    assert codes() == []
    batch_came(hub, 150)
    assert codes() == ["unscored"]
    RiskState.objects.create(
        senior=hub.senior, level="normal", score=0, observed_at=datetime.now(UTC) - timedelta(seconds=140)
    )
    assert codes() == []


class Watcher(BaseHTTPRequestHandler):
    """The outside watcher's address."""

    beats = 0

    def do_GET(self) -> None:
        Watcher.beats += 1
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def watcher(settings: Settings) -> Iterator[type[Watcher]]:
    server = HTTPServer(("127.0.0.1", 0), Watcher)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Watcher.beats = 0
    settings.ANBU_HEARTBEAT_URL = f"http://127.0.0.1:{server.server_port}/beat"
    yield Watcher
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_heartbeat_is_sent_only_while_all_is_well(
    senior: Senior, kim: Staff, watcher: type[Watcher], settings: Settings
) -> None:
    settings.ANBU_OPERATOR_URLS = ["json://127.0.0.1/operators"]
    assert audit() == 0
    assert watcher.beats == 1
    log = raised(senior)
    let_pass(log, "step_due_at", minutes=5)
    assert audit() == 1
    assert watcher.beats == 1
    (told,) = Notification.objects.filter(purpose=Purpose.OPERATOR)
    assert told.values["code"] == "audit:step_missed"
    assert str(log.pk) in told.values["text"]
    assert audit() == 1
    assert Notification.objects.filter(purpose=Purpose.OPERATOR).count() == 1


def test_an_outside_watcher_that_is_away_harms_nothing(settings: Settings) -> None:
    settings.ANBU_HEARTBEAT_URL = "http://127.0.0.1:1/"
    assert audit() == 0
