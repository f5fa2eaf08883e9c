from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from devices import registration
from devices.models import IoTHub

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Kills every key of a home hub; its socket closes within a second. The hub stays registered."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("device_id", help="the device's own number, as registered")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        device_id = options["device_id"]
        try:
            hub = IoTHub.objects.filter(device_id=device_id, deregistered_at=None).first()
            if hub is None:
                raise CommandError(f"No registered hub has the device number {device_id}; look it up in the portal.")
            revoked = registration.revoke_keys(hub)
        except OperationalError as error:
            raise CommandError(f"The database cannot be reached ({error}); start it, or set DATABASE_URL.") from error
        if not revoked:
            raise CommandError(f"Hub {hub.hub_id} ({device_id}) has no live key; issue one with issue_hub_key.")
        if options["json"]:
            self.stdout.write(json.dumps({"hub_id": hub.hub_id, "device_id": device_id, "revoked": revoked}))
        else:
            self.stdout.write(f"hub {hub.hub_id} ({device_id}): {revoked} key(s) revoked")
