from __future__ import annotations

import asyncio
import json
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from devices.camera.relay import run_relay

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Runs the camera relay until SIGINT or SIGTERM. It needs Redis and PostgreSQL, and waits for them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="say the start and the end as JSON lines")

    def handle(self, *args: Any, **options: Any) -> None:
        self._say("started", as_json=options["json"])
        asyncio.run(self._serve())
        self._say("stopped", as_json=options["json"])

    async def _serve(self) -> None:
        serving = asyncio.create_task(run_relay())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, serving.cancel)
        with suppress(asyncio.CancelledError):
            await serving

    def _say(self, state: str, *, as_json: bool) -> None:
        self.stdout.write(json.dumps({"state": state}) if as_json else f"camera relay {state}")
        self.stdout.flush()
