"""`manage.py restore`: a backup into a new data folder, or into empty databases of servers of one's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from portal import runtime
from portal.embedded import credentials
from portal.embedded.errors import EmbeddedServerError
from portal.embedded.stack import EmbeddedStack
from portal.operation.backup import SECRETS, BackupFailed, read_contents, restore_databases, restore_objects
from portal.operation.runtime_variables import compose_variables, name_missing_servers

if TYPE_CHECKING:
    from collections.abc import Mapping

STEPS = (("migrate", "--verbosity", "0"), ("migrate", "--verbosity", "0", "--database", "timeseries"), ("provision",))


class Command(BaseCommand):
    help = (
        "Restore a backup while the portal does not run: with its own servers into a data folder (ANBU_DATA) that does "
        "not exist yet; with servers of yours (DATABASE_URL, ...) into empty databases, the secrets of the backup set "
        "in the environment. Afterwards start the portal as usual."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="DIR", type=Path, help="a folder that `backup` has made")
        parser.add_argument("--json", action="store_true", help="answer as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        source, data_dir = options["source"].resolve(), runtime.data_dir()
        try:
            contents = read_contents(source)
            wanted = name_missing_servers(os.environ)
            place_secrets(source, data_dir, own_servers=bool(wanted))
            stack = EmbeddedStack(data_dir, wanted, bucket=os.environ.get("S3_BUCKET") or "anbu")
            stack.start()
            try:
                objects = restore(source, stack)
            finally:
                stack.stop()
        except (BackupFailed, EmbeddedServerError, psycopg.Error) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            told = {"data": str(data_dir), "made_at": contents.made_at, "objects": objects}
            self.stdout.write(json.dumps(told))
        else:
            self.stdout.write(
                _("{moment}의 백업을 {data}에 되살렸습니다.").format(moment=contents.made_at, data=data_dir)
            )


def place_secrets(source: Path, data_dir: Path, *, own_servers: bool) -> None:
    """The backup's secrets go first: they open what is restored. Raises BackupFailed."""
    path = credentials.secrets_path(data_dir)
    if not own_servers:
        return
    if path.exists():
        raise BackupFailed(f"{data_dir} is in use already: restore into a new folder, ANBU_DATA=/somewhere/new")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    runtime.write_private(path, runtime.read_private(source / SECRETS))


def restore(source: Path, stack: EmbeddedStack) -> int:
    """Databases, what stands beside them, and the weights; how many weights. Raises BackupFailed."""
    variables = compose_variables(stack, os.environ, web_url="http://127.0.0.1:8000")
    told = {**os.environ, **variables.provision, **variables.backend, "ANBU_DATA": str(stack.data_dir)}
    restore_databases(source, told)
    for step in STEPS:
        run_command(told, *step)
    return restore_objects(source, told)


def run_command(variables: Mapping[str, str], *arguments: str) -> None:
    """A management command with the restored servers: this process has read its settings before they were there."""
    done = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "manage.py", *arguments],
        cwd=runtime.REPOSITORY,
        env=dict(variables),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupFailed(f"manage.py {arguments[0]} failed after the restore: {done.stderr.strip()[-1000:]}")
