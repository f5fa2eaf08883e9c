"""One emergency that nobody takes, in real time: who is alerted when, by what, and how fast all fall silent."""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.flows.product import HubClient, Product, StaffClient, eventually
from tests.monitoring.notification.mail_server import MailServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.client import ClientConnection

pytestmark = [pytest.mark.flow, pytest.mark.long]
PASSWORD = "a-long-enough-password"
TOLERANCE_S = 2.0  # of the watchdog's second and a busy machine


@dataclass
class Witness:
    """A person whose open page hears everything and confirms nothing, and whose mail arrives."""

    client: StaffClient
    email: str
    staff_id: int
    alerts: list[float] = field(default_factory=list)  # each message that asks to be shown, resends too
    taken_at: list[float] = field(default_factory=list)
    mails: list[float] = field(default_factory=list)

    def listen(self, socket: ClientConnection) -> None:
        try:
            while True:
                message = json.loads(socket.recv())
                if message.get("delivery_id"):
                    self.alerts.append(time.monotonic())
                elif message.get("emergency", {}).get("status") == "acknowledged":
                    self.taken_at.append(time.monotonic())
        except ConnectionClosed:
            pass


class Mailbox:
    """When mail came for whom."""

    def __init__(self) -> None:
        self.server = MailServer()
        self.witnesses: list[Witness] = []
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        seen = 0
        while True:
            fresh, seen = self.server.taken[seen:], len(self.server.taken)
            for text in fresh:
                for witness in self.witnesses:
                    if f"To: {witness.email}" in text:
                        witness.mails.append(time.monotonic())
            time.sleep(0.05)

    def code_for(self, email: str) -> str | None:
        for text in reversed(self.server.taken):
            if f"To: {email}" in text and (found := re.search(r"\b(\d{6})\b", text.partition("\n\n")[2] or text)):
                return found[1]
        return None


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.server.close()


@pytest.fixture(scope="module")
def running(mailbox: Mailbox) -> Iterator[Product]:
    product = Product()
    product.environment["EMAIL_URL"] = f"smtp://127.0.0.1:{mailbox.server.port}"
    try:
        product.start("--seed", "none")
        yield product
    finally:
        product.remove()


def join(product: Product, mailbox: Mailbox, name: str, *arguments: str) -> Witness:
    """A person with a log-in and, as their next channel, proven mail."""
    email = f"{name}@anbu.example"
    product.manage("create_staff", email, "--full-name", name, *arguments, "--password-stdin", stdin=PASSWORD)
    client = StaffClient(product)
    person = client.login(email, PASSWORD)
    made = client.call("POST", "/notification-endpoints", {"kind": "email", "address": email})
    assert made.status_code == 201, made.text
    endpoint = made.json()
    if not endpoint["verified_at"]:
        code = eventually(lambda: mailbox.code_for(email), 20, "the code by mail")
        proven = client.call("POST", f"/notification-endpoints/{endpoint['endpoint_id']}/verify", {"code": code})
        assert proven.status_code == 200, proven.text
    return Witness(client, email, person["staff_id"])


def put_on_duty(supervisor: Witness, person: Witness, rung: str) -> None:
    """For longer than the week in which gaps are told: no other mail is to come."""
    now = datetime.now(UTC)
    times = {"from": (now - timedelta(hours=1)).isoformat(), "until": (now + timedelta(days=9)).isoformat()}
    answer = supervisor.client.call("POST", "/duties", {"staff_id": person.staff_id, "rung": rung, **times})
    assert answer.status_code == 201, answer.text


def test_nobody_takes_it_for_three_minutes_and_then_somebody_does(running: Product, mailbox: Mailbox) -> None:
    park = join(running, mailbox, "park", "--role", "supervisor")
    body = {"full_name": "박순자", "address": "원주시 단구로 5", "hub": {"device_id": "LADDER-1"}}
    senior = park.client.call("POST", "/seniors", body).json()
    # whoever registers a senior cares for them; here the caseworker alone is to
    unmapped = park.client.call("DELETE", f"/seniors/{senior['senior_id']}/staff/{park.staff_id}")
    assert unmapped.status_code == 204, unmapped.text
    kim = join(running, mailbox, "kim", "--senior", str(senior["senior_id"]))
    lee, choi = (join(running, mailbox, name) for name in ("lee", "choi"))
    put_on_duty(park, lee, "first")
    put_on_duty(park, choi, "second")
    people = [kim, lee, choi, park]
    mailbox.witnesses = people
    with ExitStack() as pages:
        for person in people:
            socket = pages.enter_context(person.client.socket())
            assert json.loads(socket.recv(timeout=10))["type"] == "hello"
            threading.Thread(target=person.listen, args=(socket,), daemon=True).start()
        climb_and_fall_silent(running, senior, people)


def climb_and_fall_silent(running: Product, senior: dict[str, Any], people: list[Witness]) -> None:
    kim, lee, choi, park = people
    press = {"sensor_id": "button", "event_content": "sos", "sensor_value": True}
    began = time.monotonic()
    hub = HubClient(running, senior["hub"]["api_key"])
    threading.Thread(target=live, args=(hub,), daemon=True).start()
    assert hub.send([{**press, "timestamp": datetime.now(UTC).isoformat()}]).status_code == 200
    eventually(lambda: bool(park.alerts), 190, "the supervisor is alerted")
    (emergency,) = kim.client.get("/emergencies", status="open")["results"]

    acknowledged_at = time.monotonic()
    assert park.client.call("POST", f"/emergencies/{emergency['log_id']}/acknowledge").status_code == 200
    eventually(lambda: all(person.taken_at for person in people), 10, "every page hears that it is taken")
    silent_after = [person.taken_at[0] - acknowledged_at for person in people]
    time.sleep(40)  # what was due at 210 s by mail, and any resend, would have come
    report(people, began, silent_after)
    assert_alerted(kim.alerts, began, 0, 5, 15)
    assert_alerted(lee.alerts, began, 60, 65, 75)
    assert_alerted(choi.alerts, began, 120, 125, 135)
    assert_alerted(park.alerts, began, 180)
    for person in (kim, lee, choi):
        assert_alerted(person.mails, person.alerts[0], 30)  # by the next channel
    assert park.mails == []
    assert max(silent_after) <= 1.0
    assert max([*kim.alerts, *lee.alerts, *choi.alerts, *park.alerts]) <= acknowledged_at + 1.0


def live(hub: HubClient) -> None:
    """A hub that is heard of: one that fell silent meanwhile would be told about."""
    with suppress(httpx.TransportError):
        while True:
            hub.send([])
            time.sleep(20)


def assert_alerted(came: list[float], began: float, *due_s: float) -> None:
    """At these seconds after `began`, and at no other."""
    assert [round(at - began, 1) for at in came] == [pytest.approx(due, abs=TOLERANCE_S) for due in due_s]


def report(people: list[Witness], began: float, silent_after: list[float]) -> None:
    figures: dict[str, Any] = {
        person.email.partition("@")[0]: {
            "alerts_s": [round(at - began, 2) for at in person.alerts],
            "mails_s": [round(at - began, 2) for at in person.mails],
        }
        for person in people
    }
    print(json.dumps(figures | {"silent_after_s": [round(span, 3) for span in silent_after]}))
