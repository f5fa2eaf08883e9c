from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from ai.tasks import SENIORS_A_TASK, connect_redis, train_seniors
from ai.training import read_trainable_seniors
from ai.training_runs import read_outcomes

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from ai.training import Outcome

UNSETTLED = {"failed"}


class Command(BaseCommand):
    help = "Has the training workers fit new weights, for all seniors who have a hub or for those named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--senior", type=int, action="append", metavar="ID", help="only this one; may be repeated")
        parser.add_argument("--wait", type=float, metavar="SECONDS", help="wait so long for all of them to be done")
        parser.add_argument("--json", action="store_true", help="print one JSON object at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        trainable = read_trainable_seniors()
        senior_ids: list[int] = options["senior"] or trainable
        if unknown := sorted(set(senior_ids) - set(trainable)):
            raise CommandError(
                f"No hub was ever registered for senior {', '.join(map(str, unknown))}: nothing to learn."
            )
        if not senior_ids:
            raise CommandError("There is no senior with a hub yet: register one, then train.")
        run = uuid.uuid4().hex
        try:
            for start in range(0, len(senior_ids), SENIORS_A_TASK):
                train_seniors.apply_async((senior_ids[start : start + SENIORS_A_TASK], run), queue="training")
        except OperationalError as error:
            raise CommandError(f"The message queue is away ({error}): is `manage.py up` running?") from error
        outcomes = self.follow(run, senior_ids, options) if options["wait"] else {}
        self.conclude(senior_ids, outcomes, options)

    def follow(self, run: str, senior_ids: list[int], options: dict[str, Any]) -> dict[int, Outcome]:
        """What became of each senior until all are done or the time is over."""
        deadline = time.monotonic() + options["wait"]
        outcomes: dict[int, Outcome] = {}
        while time.monotonic() < deadline:
            try:
                now = read_outcomes(connect_redis(), run)
            except RedisError as error:
                raise CommandError(f"Redis is away ({error}): the training may run on all the same.") from error
            for senior_id, outcome in now.items():
                if outcomes.get(senior_id) != outcome and not options["json"]:
                    self.stdout.write(describe_outcome(outcome, len(now), len(senior_ids)))
            outcomes = now
            if len(outcomes) == len(senior_ids) and not any(o.status in UNSETTLED for o in outcomes.values()):
                break
            time.sleep(0.2)
        return outcomes

    def conclude(self, senior_ids: list[int], outcomes: dict[int, Outcome], options: dict[str, Any]) -> None:
        done = [outcome for outcome in outcomes.values() if outcome.status not in UNSETTLED]
        if options["json"]:
            rows = [outcome._asdict() for _, outcome in sorted(outcomes.items())]
            self.stdout.write(json.dumps({"asked": len(senior_ids), "done": len(done), "outcomes": rows}))
        elif not options["wait"]:
            self.stdout.write(f"Asked for {len(senior_ids)} trainings; `--wait SECONDS` follows them.")
        if options["wait"] and len(done) < len(senior_ids):
            missing = sorted(set(senior_ids) - {outcome.senior_id for outcome in done})
            raise CommandError(
                f"{len(missing)} of {len(senior_ids)} not done after {options['wait']:g} s (senior "
                f"{', '.join(map(str, missing[:10]))}): is a training worker running?"
            )


def describe_outcome(outcome: Outcome, done: int, asked: int) -> str:
    version = f" v{outcome.version}" if outcome.version else ""
    return f"[{done}/{asked}] senior {outcome.senior_id}: {outcome.status}{version} ({outcome.reason})"
