from __future__ import annotations

import signal
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from monitoring import sensor_watch, slow_watch, watchdog
from monitoring.backend_probe import BackendProbe
from monitoring.notification.sender import Sender


class Command(BaseCommand):
    help = "Takes due steps: escalations, expired safety checks, silent hubs and sensors. Runs until SIGTERM."

    def handle(self, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        probe = BackendProbe(settings.ANBU_BACKEND_URL)
        probe.note(probe.look(), time.monotonic())
        # beside the sweeps, since both may have to wait for somebody else
        for besides in (probe.run, sensor_watch.run, slow_watch.run, Sender().run):
            threading.Thread(target=besides, args=(stopping.is_set,), daemon=True).start()
        watchdog.run(stopping.is_set, lambda: probe.is_backend_away(time.monotonic()))
