"""`manage.py doctor`: what works, what does not, and what to do."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandParser

from portal.operation.diagnosis import examine

if TYPE_CHECKING:
    from portal.operation.finding import Finding

_MARKS = {"ok": "✓", "notice": "!", "broken": "✗"}


class Command(BaseCommand):
    help = "Look at databases, roles, Redis, object storage, keys, mail and clocks; exit 1 when something is broken."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = []
        for finding in examine():
            findings.append(finding)
            if not options["json"]:
                self.stdout.write(_describe(finding))
        healthy = all(finding.state != "broken" for finding in findings)
        if options["json"]:
            report = {"ok": healthy, "findings": [asdict(finding) for finding in findings]}
            self.stdout.write(json.dumps(report, ensure_ascii=False))
        if not healthy:
            sys.exit(1)


def _describe(finding: Finding) -> str:
    remedy = f" → {finding.remedy}" if finding.remedy else ""
    return f"{_MARKS[finding.state]} {finding.name}: {finding.detail}{remedy}"
