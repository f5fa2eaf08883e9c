"""`manage.py seed_demo`: ten homes with three weeks behind them that live on until they are stopped."""

from __future__ import annotations

import io
import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.utils import timezone
from django.utils.translation import gettext as _

from ai.models import AIWeight
from portal import demo, demo_care
from portal.simulation.homes import INGEST_DAYS

if TYPE_CHECKING:
    from argparse import ArgumentParser

TRAINING_S = 180.0
PAST_SPEED = 1_000_000.0
BAR = 20


class Command(BaseCommand):
    help = (
        "Fills a running portal with the demo: accounts, ten seniors with three weeks of history, their weights; then"
        " lets the homes live until SIGTERM or Ctrl-C. Started again on the same data it only lets them live on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prepare-only", action="store_true", help="end before the homes live on")
        parser.add_argument("--json", action="store_true", help="JSON lines instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        self._as_json, self._began = bool(options["json"]), time.monotonic()
        note = demo.DemoNote()
        first = note.get("prepared_at") is None
        try:
            if first:
                self._prepare(note)
        except DatabaseError as error:
            raise CommandError(f"The database did not take the demo: {error} Is the portal up? Start again.") from error
        self._announce(note)
        if not options["prepare_only"]:
            self._live(note, first)

    def _prepare(self, note: demo.DemoNote) -> None:
        people = demo.prepare_people(note)
        self._show(_("계정"), 1, 1)
        homes = []
        for place, resident in enumerate(demo.RESIDENTS, 1):
            homes.append((resident, demo.prepare_home(resident, people, note)))
            self._show(_("어르신과 허브"), place, len(demo.RESIDENTS))
        caseworkers = [people[account.email] for account in demo.CASEWORKERS]
        demo_care.prepare_care([hub.senior for _resident, hub in homes], *caseworkers)
        now = timezone.now()
        for place, (resident, hub) in enumerate(homes, 1):
            if not demo.has_history(hub):
                events = demo.live_history(resident, now)
                if resident.part == demo.FELL:
                    events = demo.cut_at_fall(events, now)
                    note.set("fell_at", events[-1].timestamp.isoformat())
                demo.import_history(hub, events)
            self._show(_("3주의 기록"), place, len(homes))
        self._train([hub.senior_id for _resident, hub in homes])
        note.set("prepared_at", timezone.now().isoformat())

    def _train(self, senior_ids: list[int]) -> None:
        """Through the training worker and the registry, as every night."""
        trained = set(AIWeight.objects.filter(senior__in=senior_ids, is_active=True).values_list("senior", flat=True))
        missing = [senior_id for senior_id in senior_ids if senior_id not in trained]
        if missing:
            call_command("train_weights", senior=missing, wait=TRAINING_S, json=True, stdout=io.StringIO())
        active = AIWeight.objects.filter(senior__in=senior_ids, is_active=True).count()
        self._show(_("가중치 학습"), active, len(senior_ids))
        if active < len(senior_ids):
            raise CommandError(
                f"{len(senior_ids) - active} of {len(senior_ids)} homes have no active weights;"
                " `train_weights --wait 60` says why."
            )

    def _announce(self, note: demo.DemoNote) -> None:
        accounts = (demo.SUPERVISOR, *demo.CASEWORKERS, demo.GUARDIAN)
        seconds = round(time.monotonic() - self._began, 1)
        url = settings.ANBU_BACKEND_URL
        if self._as_json:
            logins = [{"email": one.email, "password": note["password"], "role": one.role} for one in accounts]
            self._say(json.dumps({"event": "ready", "url": url, "seconds": seconds, "accounts": logins}))
            return
        self._say(_("데모가 준비되었습니다 (%(seconds)s초). 여는 곳: %(url)s") % {"seconds": seconds, "url": url})
        for one in accounts:
            self._say(f"  {one.role.label}  {one.email}  {note['password']}")

    def _live(self, note: demo.DemoNote, first: bool) -> None:
        """Ends when it is stopped. The gap since the last event is delivered first."""
        fell_at = datetime.fromisoformat(note["fell_at"])
        keys_file = demo.write_keys_file(note, fell_at, with_incidents=first)
        call_command(
            "simulate_hub",
            url=settings.ANBU_BACKEND_URL,
            keys_file=keys_file,
            days=min(demo.days_since_last_event(timezone.now()), INGEST_DAYS),
            speed=PAST_SPEED,
            json=self._as_json,
            stdout=self.stdout,
        )

    def _show(self, what: str, done: int, of: int) -> None:
        """A line each, since the output goes through a supervisor and into logs."""
        if self._as_json:
            self._say(json.dumps({"event": "progress", "what": what, "done": done, "of": of}, ensure_ascii=False))
            return
        filled = BAR * done // of
        self._say(f"[{'█' * filled}{'·' * (BAR - filled)}] {what} {done}/{of}")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
