"""A home under way: posts an event each tenth of a second and writes down what was answered."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from tests.flows.product import HubClient


class Traffic:
    """`accepted` holds the timestamps of events that were answered 200. What was not is sent again, as hubs do."""

    def __init__(self, hub: HubClient) -> None:
        self._hub = hub
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.accepted: set[str] = set()
        self.statuses: dict[int, int] = {}

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(timeout=60)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._deliver(datetime.now(UTC).isoformat())
            time.sleep(0.1)

    def _deliver(self, timestamp: str) -> None:
        event = {
            "timestamp": timestamp,
            "sensor_id": "living_motion",
            "event_content": "motion",
            "sensor_value": True,
        }
        while not self._stopping.is_set():
            try:
                answer = self._hub.send([event])
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
            if answer.status_code == 200:
                self.accepted.add(timestamp)
                return
            assert answer.status_code == 503, answer.text
            time.sleep(0.2)
