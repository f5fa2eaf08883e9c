"""`manage.py simulate_hub`: homes that live against a running portal, as real hubs would."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from portal.simulation.home_plan import (
    INCIDENT_KINDS,
    ROBOT_ANSWERS,
    HomePlan,
    InvalidPlan,
    parse_incident,
    read_keys_file,
    seed_of_key,
)
from portal.simulation.homes import INGEST_DAYS, Home, Tally, drive_homes
from portal.simulation.recordings import UnreadableRecording

if TYPE_CHECKING:
    from argparse import ArgumentParser


KEYS_FILE = (
    'JSON lines, a home each: {"key", "seed", "name", "csv", "incident": ["fall@+20s"], "silent_for", "robot_answer",'
    ' "video"}, only key is required'
)


class Command(BaseCommand):
    """An outside client: it needs the URL and keys alone, no database."""

    help = (
        "Plays homes against a running portal through the reference hub client: the past X times as fast, then real"
        " time, until SIGTERM or Ctrl-C. A home's life is a recording (--csv) or generated from its seed."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="where the portal is, e.g. http://127.0.0.1:8000")
        parser.add_argument("--key", action="append", default=[], help="a hub's API key; again for each further home")
        parser.add_argument("--keys-file", type=Path, help=KEYS_FILE)
        parser.add_argument("--homes", type=int, help="how many of the keys are used (default: all)")
        parser.add_argument("--seed", type=int, help="seed of the first --key's life, the next one's is one higher")
        parser.add_argument("--csv", type=Path, help="a recording (.csv or .csv.gz), shifted by whole weeks to now")
        parser.add_argument("--speed", type=float, default=86_400, help="the past is delivered so many times as fast")
        parser.add_argument("--days", type=float, default=INGEST_DAYS, help="how much of the past goes through ingest")
        parser.add_argument("--silent-for", type=float, metavar="HOURS", help="the home has sent nothing for HOURS and"
                            " sends nothing from now on, while the hub lives")  # fmt: skip
        parser.add_argument("--incident", action="append", default=[], metavar="KIND@+TIME", help="e.g. fall@+20s after"
                            f" the start; KIND is {', '.join(INCIDENT_KINDS)}; may be repeated")  # fmt: skip
        parser.add_argument("--robot-answer", choices=ROBOT_ANSWERS, default="ok", help="to every safety check")
        parser.add_argument(
            "--video", metavar="FILE|RTSP", help="what the homes' cameras show, passed on as it is encoded"
        )
        parser.add_argument("--buffer-dir", type=Path, help="where the hubs keep their buffers (default: temporary)")
        parser.add_argument("--past-only", action="store_true", help="end when the past is delivered")
        parser.add_argument("--json", action="store_true", help="JSON lines instead of text")

    def handle(self, **options: Any) -> None:
        plans = read_plans(options)
        if not options["speed"] > 1 or not 0 <= options["days"] <= INGEST_DAYS:
            raise CommandError(f"--speed is above 1 (the past has to catch up), --days is 0 to {INGEST_DAYS}.")
        logging.getLogger("hub").setLevel(logging.WARNING)
        with tempfile.TemporaryDirectory(prefix="anbu-hubs-") as temporary:
            folder: Path = options["buffer_dir"] or Path(temporary)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                homes = asyncio.run(self._drive(plans, folder, options))
            except (UnreadableRecording, OSError, ValueError) as error:
                raise CommandError(str(error)) from error
        self._say("summary", homes, options["json"])
        if refusals := [f"{home.plan.name}: {home.refusal}" for home in homes if home.refusal]:
            raise CommandError("; ".join(refusals))

    async def _drive(self, plans: list[HomePlan], folder: Path, options: dict[str, Any]) -> list[Home]:
        stop, started, as_json = asyncio.Event(), time.monotonic(), options["json"]
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        homes = [
            Home(plan, options["url"], folder / f"hub-{number}.db", days=options["days"], speed=options["speed"])
            for number, plan in enumerate(plans, 1)
        ]

        def say_past_delivered() -> None:
            self._say("past_delivered", homes, as_json, seconds=round(time.monotonic() - started, 1))
            if options["past_only"]:
                stop.set()

        await drive_homes(
            homes, stop, on_progress=lambda: self._say("progress", homes, as_json), on_past_delivered=say_past_delivered
        )
        return homes

    def _say(self, what: str, homes: list[Home], as_json: bool, **extra: float) -> None:
        """One line on stdout with the sums of all homes; the summary in JSON has each home too."""
        total = sum((home.tally for home in homes), Tally())
        percent = round(100 * sum(home.progress for home in homes) / len(homes))
        if as_json:
            line: dict[str, Any] = {"event": what, "homes": len(homes), "percent": percent, **asdict(total), **extra}
            if what == "summary":
                line["by_home"] = [{"name": home.plan.name, **asdict(home.tally)} for home in homes]
            self.stdout.write(json.dumps(line, ensure_ascii=False))
        else:
            counts = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in asdict(total).items())
            took = f" in {extra['seconds']} s" if extra else ""
            self.stdout.write(f"{what.replace('_', ' ')}{took}: homes {len(homes)}, past {percent} %, {counts}")
        self.stdout.flush()


def read_plans(options: dict[str, Any]) -> list[HomePlan]:
    """The homes that the command line asks for; CommandError says what is wrong with it."""
    try:
        incidents = tuple(parse_incident(text) for text in options["incident"])
        defaults = HomePlan("", "", 0, options["csv"], incidents, options["silent_for"], options["robot_answer"],
                            options["video"])  # fmt: skip
        plans = [
            replace(defaults, key=key, name=key.split(".", 1)[0], seed=_seed(options["seed"], key, place))
            for place, key in enumerate(options["key"])
        ]
        if options["keys_file"] is not None:
            with options["keys_file"].open(encoding="utf-8") as lines:
                plans += read_keys_file(lines, defaults)
    except (InvalidPlan, OSError, UnicodeDecodeError) as error:
        raise CommandError(str(error)) from error
    if options["silent_for"] is not None and not options["silent_for"] >= 0:
        raise CommandError("--silent-for is a number of hours, 0 or more.")
    homes = len(plans) if options["homes"] is None else options["homes"]
    if not plans or not 1 <= homes <= len(plans):
        raise CommandError(
            f"{homes} homes with {len(plans)} keys: give one --key (or line of --keys-file) for each home."
        )
    return plans[:homes]


def _seed(first: int | None, key: str, place: int) -> int:
    return seed_of_key(key) if first is None else first + place
