"""Turn a plain `sensor_logs` into a hypertable after TimescaleDB was installed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, transaction
from django.db.utils import DatabaseError

from monitoring.hypertable import ADOPT_TABLE, Storage, add_policies, find_storage, remove_policies

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

TIMESERIES = "timeseries"


class Command(BaseCommand):
    help = (
        "Convert sensor_logs to a TimescaleDB hypertable, in one transaction: rows move into chunks, the key stays, "
        "and compression, retention and the hourly aggregate start. Writing waits meanwhile; two million rows take "
        "some seconds. Safe to run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[TIMESERIES]
        before = find_storage(connection)
        if before is Storage.PLAIN:
            raise CommandError(
                "TimescaleDB is not installed in the time-series database: preload it (shared_preload_libraries), run "
                "`CREATE EXTENSION timescaledb` there as its owner, then run this command again."
            )
        if before is Storage.NOT_ADOPTED:
            adopt_table(connection)
        after = find_storage(connection)
        if options["json"]:
            self.stdout.write(json.dumps({"before": before.name.lower(), "after": after.name.lower()}))
        else:
            self.stdout.write(f"sensor_logs: {after}" + (" (as it was)" if before is after else ""))


def adopt_table(connection: BaseDatabaseWrapper) -> None:
    """Convert the table and replace the plain view, all or nothing."""
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            remove_policies(connection, cursor.execute)
            cursor.execute(ADOPT_TABLE)
            add_policies(connection, cursor.execute)
    except DatabaseError as error:
        raise CommandError(
            f"nothing was changed, the database refused: {error}. It must be run by the owner of sensor_logs, with "
            "room for a second copy of the table."
        ) from error
