from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from kombu.exceptions import OperationalError

from ai.models import TrainingJob, TrainingRun
from ai.training import read_trainable_seniors
from ai.training_runs import start_run

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.db.models import QuerySet

# a job that failed is tried again by the worker
UNSETTLED = {"queued", "running", "failed"}


class Command(BaseCommand):
    help = "Has the training workers fit new weights, for all seniors who have a hub or for those named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--senior", type=int, action="append", metavar="ID", help="only this one; may be repeated")
        parser.add_argument("--wait", type=float, metavar="SECONDS", help="wait so long for all of them to be done")
        parser.add_argument("--json", action="store_true", help="print one JSON object at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        trainable = read_trainable_seniors()
        senior_ids: list[int] = list(dict.fromkeys(options["senior"] or trainable))
        if unknown := sorted(set(senior_ids) - set(trainable)):
            raise CommandError(
                f"No hub was ever registered for senior {', '.join(map(str, unknown))}: nothing to learn."
            )
        if not senior_ids:
            raise CommandError("There is no senior with a hub yet: register one, then train.")
        try:
            run = start_run(senior_ids, TrainingRun.Kind.BY_HAND)
        except OperationalError as error:
            raise CommandError(f"The message queue is away ({error}): is `manage.py up` running?") from error
        jobs = TrainingJob.objects.filter(run=run)
        if options["wait"]:
            self.follow(jobs, len(senior_ids), options)
        self.conclude(jobs, len(senior_ids), options)

    def follow(self, jobs: QuerySet[TrainingJob], asked: int, options: dict[str, Any]) -> None:
        """Says what became of each senior, until all are done or the time is over."""
        deadline = time.monotonic() + options["wait"]
        said: dict[int, str] = {}
        while time.monotonic() < deadline:
            settled = 0
            for job in jobs.all():
                settled += job.status not in UNSETTLED
                if job.status not in TrainingJob.UNFINISHED and said.get(job.senior_id) != job.status:
                    said[job.senior_id] = job.status
                    if not options["json"]:
                        self.stdout.write(describe_job(job, len(said), asked))
            if settled == asked:
                return
            time.sleep(0.2)

    def conclude(self, jobs: QuerySet[TrainingJob], asked: int, options: dict[str, Any]) -> None:
        rows = list(jobs.order_by("senior_id"))
        missing = [job.senior_id for job in rows if job.status in UNSETTLED]
        if options["json"]:
            outcomes = [
                {"senior_id": job.senior_id, "status": job.status, "reason": job.reason, "version": job.version}
                for job in rows
                if job.status not in TrainingJob.UNFINISHED
            ]
            self.stdout.write(json.dumps({"asked": asked, "done": asked - len(missing), "outcomes": outcomes}))
        elif not options["wait"]:
            self.stdout.write(f"Asked for {asked} trainings; `--wait SECONDS` follows them.")
        if options["wait"] and missing:
            raise CommandError(
                f"{len(missing)} of {asked} not done after {options['wait']:g} s (senior "
                f"{', '.join(map(str, missing[:10]))}): is a training worker running?"
            )


def describe_job(job: TrainingJob, done: int, asked: int) -> str:
    version = f" v{job.version}" if job.version else ""
    return f"[{done}/{asked}] senior {job.senior_id}: {job.status}{version} ({job.reason})"
