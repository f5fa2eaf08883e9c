from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from seniors.access_seal import verify


class Command(BaseCommand):
    help = (
        "Read the access log's chain of seals again, and say whether a row or seal was changed, removed or slipped in. "
        "Note the head that it prints in another place: with --head a chain whose end was cut off is found too."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--head", default="", help="a digest noted earlier, which must be in the chain")
        parser.add_argument("--json", action="store_true", help="answer as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        found = verify(options["head"])
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found)))
        else:
            self.stdout.write(f"{found.rows} rows in {found.seals} seals, {found.unsealed} not sealed yet")
            self.stdout.write(f"head: {found.head}")
            for problem in found.problems:
                self.stdout.write(problem)
        if found.problems:
            raise CommandError(f"the access log is not as it was written: {len(found.problems)} problems")
