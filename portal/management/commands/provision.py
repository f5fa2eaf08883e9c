"""`manage.py provision`: what stands beside the migrations."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from portal.operation.provisioning import provide_all


class Command(BaseCommand):
    help = "Create roles, grants, Valkey users, the bucket and the AI workers' key where they are missing. Idempotent."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        provisions = []
        for provision in provide_all():
            provisions.append(provision)
            if not options["json"]:
                mark = self.style.SUCCESS("✓") if provision.done else self.style.ERROR("✗")
                self.stdout.write(f"{mark} {provision.name}: {provision.detail}")
                if provision.by_hand:
                    self.stdout.write(f"  {provision.by_hand}")
        failed = [provision.name for provision in provisions if not provision.done]
        if options["json"]:
            report = {"ok": not failed, "provisions": [asdict(provision) for provision in provisions]}
            self.stdout.write(json.dumps(report, ensure_ascii=False))
        if failed:
            raise CommandError(_("준비하지 못한 것: {names}").format(names=", ".join(failed)))
