from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.timezone import localtime

from ai.artifact import ForeignWeights, UnreadableWeights
from ai.inspection import Inspection, inspect_weights
from ai.object_store import ObjectMissing, ObjectStoreAway
from ai.weight_registry import active_weights

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from datetime import datetime


class Command(BaseCommand):
    help = "Shows a senior's active weights: the silence they allow at each hour, and when they would raise an alarm."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("senior_id", type=int)
        parser.add_argument("--json", action="store_true", help="print one JSON object; spans in seconds")

    def handle(self, *args: Any, **options: Any) -> None:
        senior_id = options["senior_id"]
        weight = active_weights(senior_id)
        if weight is None:
            raise CommandError(f"Senior {senior_id} has no active weights: `train_weights --senior {senior_id}`.")
        try:
            inspection = inspect_weights(weight)
        except ObjectStoreAway as error:
            raise CommandError(f"The object store is away ({error}): is `manage.py up` running?") from error
        except (ObjectMissing, UnreadableWeights, ForeignWeights) as error:
            raise CommandError(f"{weight.storage_path}: {error}. Train anew or activate another version.") from error
        if options["json"]:
            self.stdout.write(json.dumps({"senior_id": senior_id, **asdict(inspection)}, cls=DjangoJSONEncoder))
        else:
            self.write_table(senior_id, inspection)

    def write_table(self, senior_id: int, inspection: Inspection) -> None:
        self.stdout.write(f"senior {senior_id}, weights v{inspection.version} (weight_id {inspection.weight_id})")
        self.stdout.write("hour    allowed  longest seen")
        for hour, (allowed, longest) in enumerate(zip(inspection.allowed_s, inspection.longest_s, strict=True)):
            self.stdout.write(f"  {hour:02d}  {spell_span(allowed):>9}  {spell_span(longest):>12}")
        self.stdout.write(f"last event   {spell_moment(inspection.last_event_at)}")
        if inspection.silent_s is not None:
            self.stdout.write(f"silent for   {spell_span(inspection.silent_s)}")
        self.stdout.write(f"allowed now  {spell_span(inspection.allowed_now_s)}")
        self.stdout.write(f"alarm at     {spell_moment(inspection.alarm_at)}")


def spell_span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def spell_moment(moment: datetime | None) -> str:
    return localtime(moment).isoformat(timespec="seconds") if moment else "unknown"
