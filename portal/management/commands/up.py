"""`manage.py up`: the whole product in the foreground."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from portal import runtime
from portal.embedded.errors import EmbeddedServerError
from portal.operation.console import Console
from portal.operation.launch import SEED, Launch, LaunchPlan, StepFailed, StopSignals
from portal.operation.procfile import MalformedProcfile
from portal.operation.static_fingerprint import fingerprint_sources, is_collected, mark_collected


class Command(BaseCommand):
    help = "Start servers, migrations and all processes; Ctrl-C or SIGTERM stops them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port of the portal (default 8000)")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--data", metavar="DIR", help="folder of the embedded servers (default $ANBU_DATA or var)")
        parser.add_argument("--seed", choices=["none", "demo"], default="none", help="what to fill the portal with")
        parser.add_argument(
            "--quiet", action="store_true", help="write the processes' output to <data>/log, but for the seed's"
        )
        parser.add_argument("--json", action="store_true", help="report as one JSON object a line; implies --quiet")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["port"] <= 65_535:
            raise CommandError(_("--port는 1에서 65535 사이여야 합니다."))
        if options["data"]:
            os.environ["ANBU_DATA"] = str(Path(options["data"]).resolve())
        self._as_json, self._began = bool(options["json"]), time.monotonic()
        plan = LaunchPlan(runtime.data_dir(), options["host"], options["port"], options["seed"])
        stop = StopSignals()
        stop.listen()
        try:
            self._launch(plan, stop, quiet=options["quiet"] or options["json"])
        except (EmbeddedServerError, StepFailed, MalformedProcfile, runtime.RuntimeNoteUnreadable) as error:
            self._tell("failed", str(error), error=True)
            sys.exit(1)
        self._tell("stopped", _("모두 멈췄습니다."))

    def _launch(self, plan: LaunchPlan, stop: StopSignals, *, quiet: bool) -> None:
        shown = frozenset() if self._as_json else frozenset({SEED})
        console = Console(sys.stdout, plan.data_dir / "log", quiet=quiet, shown=shown)
        static_folder, sources = plan.data_dir / "static", fingerprint_sources()

        def announce_ready() -> None:
            mark_collected(static_folder, sources)
            seconds = time.monotonic() - self._began
            text = _("안부가 준비되었습니다: {url} ({seconds:.1f}초)").format(url=plan.url, seconds=seconds)
            self._tell("ready", text, url=plan.url, seconds=round(seconds, 1))

        collect = not is_collected(static_folder, sources)
        Launch(plan, console, stop, lambda message: self._tell("report", message), collect=collect).run(announce_ready)

    def _tell(self, event: str, message: str, *, error: bool = False, **values: object) -> None:
        """Say one thing; `up` may outlive its terminal."""
        stream = self.stderr if error and not self._as_json else self.stdout
        line = json.dumps({"event": event, "message": message, **values}, ensure_ascii=False)
        try:
            stream.write(line if self._as_json else message)
            stream.flush()
        except OSError:
            return
