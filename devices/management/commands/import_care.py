from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from devices.care_import import COLUMNS, REQUIRED, LineReport, import_lines

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

Line = tuple[int, dict[str, str | None]]


class Command(BaseCommand):
    help = (
        f"Imports seniors, mapping and hubs from a CSV file with the columns {', '.join(COLUMNS)} (the first two are "
        "needed; several e-mails with ; between). Importing again changes nothing. Hubs get their keys by claim codes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the CSV file, with a header line")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--encoding", default="utf-8-sig", help="of the file; Excel in Korea writes cp949")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = read_lines(options["file"], options["encoding"])
        try:
            reports = import_lines(lines, dry_run=options["dry_run"])
        except OperationalError as error:
            raise CommandError(f"The database cannot be reached ({error}); start it, or set DATABASE_URL.") from error
        counts = Counter(report.outcome for report in reports)
        if options["json"]:
            answer = {"dry_run": options["dry_run"], **counts, "lines": [asdict(report) for report in reports]}
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            self._write_report(reports, counts, is_dry=options["dry_run"])
        if counts["error"]:
            raise CommandError(f"{counts['error']} of {len(reports)} lines were not imported; mend them and run again.")

    def _write_report(self, reports: list[LineReport], counts: Counter[str], *, is_dry: bool) -> None:
        for report in reports:
            text = report.error or ", ".join(report.done) or "nothing to do"
            self.stdout.write(f"line {report.line}: {report.outcome}: {report.full_name}: {text}")
        total = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "no lines"
        self.stdout.write(f"{total}{' (dry run, nothing was kept)' if is_dry else ''}")


def read_lines(path: Path, encoding: str) -> list[Line]:
    """(line number, cells by column). Raises CommandError when it is no such table."""
    try:
        with path.open(encoding=encoding, newline="") as file:
            table = csv.DictReader(file, strict=True)
            columns = [name.strip() for name in table.fieldnames or []]
            table.fieldnames = columns
            check_columns(columns)
            return [(table.line_num, check_width(row, table.line_num)) for row in table]
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, LookupError) as error:
        raise CommandError(f"{path} is not {encoding}; save it as UTF-8, or name its --encoding (cp949?).") from error
    except csv.Error as error:
        raise CommandError(f"{path} is no CSV file: {error}.") from error


def check_columns(columns: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in COLUMNS]
    if missing:
        raise CommandError(f"The column {missing[0]} is missing; the first line names {', '.join(COLUMNS)}.")
    if unknown:
        raise CommandError(f"The column {unknown[0]!r} is not known; there are {', '.join(COLUMNS)}.")
    if len(set(columns)) != len(columns):
        raise CommandError("A column stands twice in the first line; name each once.")


def check_width(row: dict[Any, Any], line: int) -> dict[str, str | None]:
    if None in row:
        raise CommandError(f"Line {line} has more cells than the first line; put cells with commas into quotes.")
    return row
