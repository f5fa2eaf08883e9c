from __future__ import annotations

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from monitoring.emergency_listener import EmergencyListener


class Command(BaseCommand):
    help = "Turns what AI workers publish on the stream `emergencies` into emergencies. Runs until SIGTERM."

    def handle(self, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        EmergencyListener(settings.REDIS_URL, stopping.is_set).run()
