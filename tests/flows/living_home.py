"""A senior's hub that is there: presses its button by HTTP and answers the robot's questions on its socket."""

from __future__ import annotations

import json
import secrets
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from websockets.sync.client import connect

from tests.flows.product import HubClient

if TYPE_CHECKING:
    from tests.flows.product import Product


def now() -> str:
    return datetime.now(UTC).isoformat()


class Home:
    """A senior's hub: sends a press of the button by HTTP, and answers the robot's questions on its socket."""

    def __init__(self, product: Product, senior_id: int, key: str) -> None:
        self.senior_id = senior_id
        self._hub = HubClient(product, key)
        self._url = product.url.replace("http", "ws") + "/ws/hub/"
        self._key = key
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._answer_checks, daemon=True)
        self._thread.start()

    def press(self) -> None:
        event = {"timestamp": now(), "sensor_id": "sos_button", "event_content": "sos", "sensor_value": True}
        assert self._hub.send([event]).status_code == 200

    def leave(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _answer_checks(self) -> None:
        header = {"Authorization": f"Api-Key {self._key}"}
        with connect(self._url, subprotocols=["hub.v1"], additional_headers=header, proxy=None) as socket:  # type: ignore[list-item]  # a NewType of str
            beat_at = 0.0
            while not self._stop.is_set():
                if time.monotonic() >= beat_at:
                    beat = {"type": "heartbeat", "id": secrets.token_hex(4), "sent_at": now()}
                    socket.send(json.dumps({**beat, "battery": 90, "robot_online": True}))
                    beat_at = time.monotonic() + 5
                try:
                    message = json.loads(socket.recv(timeout=0.2))
                except TimeoutError:
                    continue
                if message["type"] == "safety_check.request":
                    about = {"id": secrets.token_hex(4), "check_id": message["check_id"]}
                    socket.send(json.dumps({"type": "safety_check.received", **about}))
                    socket.send(json.dumps({"type": "safety_check.answer", **about, "answer": "ok"}))
