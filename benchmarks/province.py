"""Rows of a whole province, written by the database itself: seniors, homes, a caseworker's 363, years of emergencies.

Runs in a process that has Django set up. What a column needs and nobody names here takes its model's default, so a new
column does not break a benchmark.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import connections, models
from django.db.models import NOT_PROVIDED

from ai.models import AIWeight
from devices.models import Fault, IoTHub
from monitoring.models import EmergencyLog, RiskState, SensorLog
from seniors.models import AccessLog, Role, Senior, Staff, StaffSenior

if TYPE_CHECKING:
    from collections.abc import Iterable

CASELOAD = 363
PER_SENIOR = 10  # emergencies of years gone by
UNRESOLVED_EACH = 2_500  # one of so many seniors has an emergency now
EVENT_DAYS, EVENTS_A_DAY = 30, 2_000


def write_rows(model: type[models.Model], source: str, **expressions: str) -> None:
    """A row for each of the SQL row source `source`; `expressions` are SQL over it, by field name."""
    named, values = [], []
    for field in model._meta.concrete_fields:
        if field.name in expressions:
            value = expressions[field.name]
        elif field.primary_key or field.db_default is not NOT_PROVIDED or field.null:
            continue
        else:
            value = _literal(field)
        named.append(f'"{field.column}"')
        values.append(value)
    alias = "timeseries" if model is SensorLog else "default"
    into = f'"{model._meta.db_table}" ({", ".join(named)})'
    with connections[alias].cursor() as cursor:
        cursor.execute(f"INSERT INTO {into} SELECT {', '.join(values)} FROM {source}")  # noqa: S608
        cursor.execute(f'ANALYZE "{model._meta.db_table}"')


def _literal(field: Any) -> str:
    default = field.get_default() if field.has_default() else ("now" if isinstance(field, models.DateTimeField) else "")
    if isinstance(default, dict | list):
        return f"'{json.dumps(default)}'"
    if isinstance(default, bool | int | float):
        return str(default)
    return "now()" if default == "now" else "'" + str(default).replace("'", "''") + "'"


def settle(first: int, last: int) -> None:
    """Seniors `first` to `last` with all that belongs to them; called with the first number left free so far."""
    seniors = f"generate_series({first}, {last}) AS n"
    people = [f"bench{number}@anbu.example" for number in range((first - 1) // CASELOAD, (last - 1) // CASELOAD + 1)]
    _hire(people)
    write_rows(
        Senior,
        seniors,
        senior_id="n",
        full_name="'어르신 ' || n",
        address="'은빛시 가온구 느티나무길 ' || n",
        created_at="now() - interval '400 days'",
    )
    _write_homes(seniors)
    _write_emergencies(first, last)
    write_rows(
        AccessLog, f"generate_series({first}, {last}) AS s, generate_series(1, 3)", senior_id="s", action="'senior.now'"
    )


def _hire(emails: Iterable[str]) -> None:
    """Their numbers follow each other, since nobody else is hired meanwhile."""
    for email in emails:
        Staff.objects.get_or_create(email=email, defaults={"full_name": email.split("@")[0], "role": Role.CASEWORKER})


def _write_homes(seniors: str) -> None:
    first_staff = Staff.objects.get(email="bench0@anbu.example").pk
    write_rows(StaffSenior, seniors, staff=f"{first_staff} + (n - 1) / {CASELOAD}", senior="n")
    write_rows(
        IoTHub,
        seniors,
        hub_id="n",
        senior="n",
        device_id="'BENCH-' || n",
        status="CASE WHEN n % 500 = 7 THEN 'offline' ELSE 'online' END",
        last_seen_at="now() - n % 60 * interval '1 second'",
    )
    level = "CASE WHEN n % 300 = 3 THEN 'warning' WHEN n % 50 = 5 THEN 'watch' ELSE 'normal' END"
    write_rows(RiskState, seniors, senior="n", level=level, score="n % 100 / 100.0", observed_at="now()")
    write_rows(
        AIWeight,
        seniors,
        senior="n",
        version="1",
        is_active="true",
        status="'active'",
        sha256="md5(n::text) || md5(n::text)",
        size="1300",
        trained_from="now() - interval '60 days'",
        trained_to="now()",
    )
    write_rows(Fault, f"{seniors} WHERE n % 500 = 7", hub="n", kind="'hub_offline'")


def _write_emergencies(first: int, last: int) -> None:
    write_rows(
        EmergencyLog,
        f"generate_series({first}, {last}) AS s, generate_series(1, {PER_SENIOR}) AS n",
        senior="s",
        event_type="'inactivity'",
        severity="'high'",
        description="'3시간 12분째 움직임이 없습니다.'",
        occurred_at="now() - n * interval '40 days' - s % 1000 * interval '1 minute'",
        status="'resolved'",
        outcome="CASE WHEN s % 3 = 0 THEN 'false_alarm' ELSE 'real' END",
        resolved_at="now() - n * interval '40 days'",
    )
    write_rows(
        EmergencyLog,
        f"generate_series({first}, {last}) AS n WHERE n % {UNRESOLVED_EACH} = 1",
        senior="n",
        event_type="'fall_detection'",
        severity="'critical'",
        description="'거실에서 낙상 감지 신호가 왔습니다.'",
        occurred_at="now()",
    )


def live(hub_id: int) -> None:
    """Thirty days of a home that is heard every 43 seconds."""
    step = f"{86_400 / EVENTS_A_DAY} * interval '1 second'"
    write_rows(
        SensorLog,
        f"generate_series(1, {EVENT_DAYS * EVENTS_A_DAY}) AS n",
        hub_id=str(hub_id),
        timestamp=f"now() - n * {step}",
        sensor_id="(ARRAY['kitchen_motion', 'bedroom_motion', 'living_motion', 'front_door'])[1 + n % 4]",
        event_content="'motion'",
        sensor_value="true",
    )
