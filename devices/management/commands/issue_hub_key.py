from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from devices import registration
from devices.models import IoTHub
from seniors.models import Senior

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = (
        "Issues a key for a home hub and prints it, once. With --senior the device is registered for that senior; "
        "with --rotate a further key replaces the live one; else the device's keys must all be dead."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("device_id", help="the device's own number, as registered")
        parser.add_argument("--senior", type=int, metavar="ID", help="register the device for this senior first")
        parser.add_argument("--rotate", action="store_true", help="replace a live key")
        parser.add_argument(
            "--overlap-s",
            type=int,
            metavar="N",
            help="with --rotate: seconds that the old key lives on (0-86400, default 0)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        self._check_options(options)
        try:
            result = self._issue(options)
        except registration.DeviceAlreadyRegistered as error:
            raise CommandError(f"{error}; leave --senior out, or deregister it first.") from error
        except registration.SeniorHasHub as error:
            raise CommandError(f"{error}; deregister or replace that one in the portal.") from error
        except registration.KeyStillLives as error:
            raise CommandError(f"{error}; add --rotate, or run revoke_hub_key first.") from error
        except OperationalError as error:
            raise CommandError(f"The database cannot be reached ({error}); start it, or set DATABASE_URL.") from error
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self.stdout.write(f"hub {result['hub_id']} ({result['device_id']}), key, shown only now:")
            self.stdout.write(result["api_key"])

    def _check_options(self, options: dict[str, Any]) -> None:
        overlap_s = options["overlap_s"]
        if options["senior"] is not None and options["rotate"]:
            raise CommandError("--senior registers a new device, --rotate needs a registered one: give one of them.")
        if overlap_s is not None and not options["rotate"]:
            raise CommandError("--overlap-s says how long the old key lives on: it needs --rotate.")
        if overlap_s is not None and not 0 <= overlap_s <= registration.MAX_OVERLAP_S:
            raise CommandError(f"--overlap-s must be between 0 and {registration.MAX_OVERLAP_S}.")

    def _issue(self, options: dict[str, Any]) -> dict[str, Any]:
        device_id = options["device_id"]
        if options["senior"] is not None:
            senior = Senior.objects.filter(pk=options["senior"]).first()
            if senior is None:
                raise CommandError(f"There is no senior {options['senior']}; the portal's list shows the numbers.")
            hub, key = registration.register_hub(senior, device_id, None)
            return self._result(hub, key.key, key.prefix)
        hub_or_none = IoTHub.objects.filter(device_id=device_id, deregistered_at=None).first()
        if hub_or_none is None:
            raise CommandError(f"No registered hub has the device number {device_id}; register it with --senior ID.")
        if not options["rotate"]:
            key = registration.issue_key(hub_or_none)
            return self._result(hub_or_none, key.key, key.prefix)
        rotation = registration.rotate_key(hub_or_none, options["overlap_s"] or 0)
        ends = rotation.previous_key_expires_at
        result = self._result(hub_or_none, rotation.key, rotation.prefix)
        return result | {"previous_key_expires_at": ends.isoformat() if ends else None}

    @staticmethod
    def _result(hub: IoTHub, key: str, prefix: str) -> dict[str, Any]:
        return {
            "hub_id": hub.hub_id,
            "senior_id": hub.senior_id,
            "device_id": hub.device_id,
            "api_key": key,
            "prefix": prefix,
        }
