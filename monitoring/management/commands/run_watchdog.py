from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from monitoring import watchdog


class Command(BaseCommand):
    help = "Takes due steps: escalations, expired safety checks, silent hubs. Runs until SIGTERM."

    def handle(self, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        watchdog.run(stopping.is_set)
