"""Seniors, who cares for them and their hubs from the lines of a table. Importing the same lines again changes nothing.

A senior is known by name and address. A hub is registered and its key told to nobody: its installer takes it with a
claim code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from seniors.enrollment import enroll_senior, map_staff
from seniors.models import Senior, Staff, StaffSenior

from . import registration
from .models import IoTHub
from .strict_json import is_storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REQUIRED = ("full_name", "address")
COLUMNS = (*REQUIRED, "phone", "health_info", "staff_emails", "device_id")
LONGEST = {"full_name": 100, "address": 300, "phone": 32, "device_id": 64}


class BadLine(ValueError):
    """A line that cannot be imported as it stands; the message says what to do."""


@dataclass(frozen=True)
class LineReport:
    """What became of one line: `created`, `updated`, `unchanged` or `error`, and in words."""

    line: int
    outcome: str
    full_name: str
    done: tuple[str, ...] = ()
    error: str = ""


@transaction.atomic
def import_lines(lines: Iterable[tuple[int, Mapping[str, str | None]]], *, dry_run: bool) -> list[LineReport]:
    """Imports (line number, values by column) pairs, each line whole or not at all; the others go on.

    `dry_run` does all of it and takes it back.
    """
    reports = [_import_line(number, values) for number, values in lines]
    if dry_run:
        transaction.set_rollback(True)
    return reports


def _import_line(number: int, values: Mapping[str, str | None]) -> LineReport:
    cells = {column: (values.get(column) or "").strip() for column in COLUMNS}
    try:
        with transaction.atomic():
            _check_cells(cells)
            created, done = _keep_home(cells)
    except BadLine as error:
        return LineReport(number, "error", cells["full_name"], error=str(error))
    outcome = "created" if created else "updated" if done else "unchanged"
    return LineReport(number, outcome, cells["full_name"], done=tuple(done))


def _check_cells(cells: Mapping[str, str]) -> None:
    for column in REQUIRED:
        if not cells[column]:
            raise BadLine(f"{column} is empty; every senior needs one")
    for column, limit in LONGEST.items():
        if len(cells[column]) > limit:
            raise BadLine(f"{column} has more than {limit} characters")
    if not all(is_storable(text) for text in cells.values()):
        raise BadLine("a cell holds a character that cannot be kept (NUL)")


def _keep_home(cells: Mapping[str, str]) -> tuple[bool, list[str]]:
    """(whether the senior is new, what was done)."""
    known = list(Senior.objects.filter(full_name=cells["full_name"], address=cells["address"])[:2])
    if len(known) > 1:
        raise BadLine("two seniors have this name and address; edit them in the portal")
    done = []
    if known:
        senior = known[0]
    else:
        details = {"phone": cells["phone"], "health_info": _read_health(cells["health_info"])}
        senior = enroll_senior(None, full_name=cells["full_name"], address=cells["address"], **details)
        done.append("senior registered")
    done += [_map(email, senior) for email in cells["staff_emails"].replace(",", ";").split(";") if email.strip()]
    done.append(_keep_hub(senior, cells["device_id"]))
    return not known, [text for text in done if text]


def _map(email: str, senior: Senior) -> str:
    staff = Staff.objects.filter(email=email.strip().lower(), is_active=True).first()
    if staff is None:
        raise BadLine(f"nobody in use has the e-mail {email.strip()}; run create_staff first")
    if StaffSenior.objects.filter(staff=staff, senior=senior).exists():
        return ""
    map_staff(staff, senior)
    return f"mapped to {staff.email}"


def _keep_hub(senior: Senior, device_id: str) -> str:
    if not device_id or IoTHub.objects.registered().filter(senior=senior, device_id=device_id).exists():
        return ""
    try:
        registration.register_hub(senior, device_id, None)
    except registration.DeviceAlreadyRegistered as error:
        raise BadLine(f"device {device_id} is registered for somebody else; deregister it there first") from error
    except registration.SeniorHasHub as error:
        raise BadLine("the senior has another hub; replace it in the portal") from error
    return f"hub {device_id} registered"


def _read_health(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError as error:
        raise BadLine('health_info is a JSON object such as {"혈압": "높음"}, or empty') from error
    if not isinstance(value, dict):
        raise BadLine('health_info is a JSON object such as {"혈압": "높음"}, or empty')
    return value
