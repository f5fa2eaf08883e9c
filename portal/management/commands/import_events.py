"""`manage.py import_events`: a home's history from a file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.utils import timezone

from devices.models import IoTHub
from portal.simulation.history_import import import_recording
from portal.simulation.recordings import UnreadableRecording

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """History of any age and length; it trains and is scored, and raises no emergency."""

    help = (
        "Imports sensor events of any age into one hub's history: CSV or gzip with the columns timestamp, sensor_id,"
        " event_content, sensor_value. A timestamp without offset is Asia/Seoul time. Importing again adds nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("hub_id", type=int, help="whose history it is; see the hub's page for its number")
        parser.add_argument("file", type=Path, help="a .csv or .csv.gz file")
        parser.add_argument(
            "--shift-to-now",
            action="store_true",
            help="read every timestamp's wall clock as Asia/Seoul and move all by the fewest whole weeks that carry the"
            " last event to now or later; what then lies in the future is cut and counted",
        )
        parser.add_argument("--json", action="store_true", help="the counts as one JSON object")

    def handle(self, *, hub_id: int, file: Path, shift_to_now: bool, **options: Any) -> None:
        try:
            if not IoTHub.objects.filter(hub_id=hub_id).exists():
                raise CommandError(f"There is no hub {hub_id}. Register it first, or give the hub_id of another.")
            tally = import_recording(hub_id, file, timezone.now(), to_now=shift_to_now)
        except UnreadableRecording as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"The database did not take it: {error} Is the portal up? Then import again.") from error
        if options["json"]:
            self.stdout.write(json.dumps({"hub_id": hub_id, **asdict(tally)}, ensure_ascii=False))
            return
        self.stdout.write(
            f"hub {hub_id}: read {tally.read}, stored {tally.stored}, duplicates {tally.duplicates},"
            f" cut {tally.cut}, rejected {tally.rejected}"
        )
        for reason in tally.reasons:
            self.stdout.write(f"rejected {reason}")
