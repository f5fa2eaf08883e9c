"""`manage.py backup`: both databases, the bucket and the secrets into a new folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from portal import runtime
from portal.operation.backup import BackupFailed, back_up


class Command(BaseCommand):
    help = (
        "Write both databases, the weights in the bucket and the secrets into a new folder, while the portal runs. The "
        "folder opens everything: keep it where nobody else can read it. `restore` takes it back."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", metavar="DIR", type=Path, help="a folder that does not exist yet")
        parser.add_argument("--json", action="store_true", help="answer as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        variables = {**runtime.read("backend"), **os.environ}
        if missing := [name for name in ("DATABASE_URL", "TIMESERIES_URL") if not variables.get(name)]:
            raise CommandError(
                _("실행 중인 서버를 찾지 못했습니다({names}). `manage.py up`을 켜거나 주소를 설정하십시오.").format(
                    names=", ".join(missing)
                )
            )
        target = options["target"].resolve()
        try:
            contents = back_up(target, variables, runtime.data_dir())
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"target": str(target), **asdict(contents)}))
        else:
            text = _("{target}: 파일 {files}개, 그중 가중치 {objects}개").format(
                target=target, files=len(contents.files), objects=contents.objects
            )
            self.stdout.write(text)
