from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from ai.service_accounts import ServiceAccountExists, issue_service_account

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Makes a service account for AI workers and prints its key, which is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what it is for, such as scoring-1; 64 characters at most")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        if not name or len(name) > 64:
            raise CommandError("NAME must have 1 to 64 characters.")
        try:
            key = issue_service_account(name)
        except ServiceAccountExists as error:
            raise CommandError(f"There is a service account {name!r} already: take another name.") from error
        self.stdout.write(json.dumps({"name": name, "api_key": key}) if options["json"] else key)
