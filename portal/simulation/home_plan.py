"""What a simulated home is told to do: its key, its life, its incidents. Pure: text in, plans out."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

RobotAnswer = Literal["ok", "help", "no_answer", "silent"]
ROBOT_ANSWERS: tuple[RobotAnswer, ...] = get_args(RobotAnswer)
# panic word -> the sensor that says it
PANIC_SENSORS = {"fall": "fall_sensor", "sos": "sos_button", "fire": "smoke_detector", "gas": "gas_detector"}
INCIDENT_KINDS = (*PANIC_SENSORS, "hub_off", "silence")
_INCIDENT = re.compile(r"(\w+)@\+(\d+(?:\.\d+)?)([smh]?)", re.ASCII)
_UNITS = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours"}
_FIELDS = {"key", "name", "seed", "csv", "incident", "silent_for", "robot_answer", "video"}


class InvalidPlan(ValueError):
    """A plan that cannot be carried out; the text says what to write instead."""


@dataclass(frozen=True)
class Incident:
    """`after` counts from the start of the simulation."""

    kind: str
    after: timedelta


@dataclass(frozen=True)
class HomePlan:
    """One home: a recording when `csv` is set, else the life of `seed`; `silent_for` in hours,
    `video` a file or an rtsp:// address that the home's camera shows."""

    key: str
    name: str
    seed: int
    csv: Path | None = None
    incidents: tuple[Incident, ...] = ()
    silent_for: float | None = None
    robot_answer: RobotAnswer = "ok"
    video: str | None = None


def parse_incident(text: str) -> Incident:
    """`fall@+20s`: what happens, and how long after the start (s, m or h)."""
    match = _INCIDENT.fullmatch(text)
    if match is None or match[1] not in INCIDENT_KINDS:
        raise InvalidPlan(f"incident {text!r}: write KIND@+TIME as in fall@+20s; KIND is {', '.join(INCIDENT_KINDS)}")
    return Incident(match[1], timedelta(**{_UNITS[match[3]]: float(match[2])}))


def seed_of_key(key: str) -> int:
    """The life that belongs to a key when no seed is given: a restart goes on with the same person."""
    return zlib.crc32(key.split(".", 1)[0].encode())


def read_keys_file(lines: Iterable[str], defaults: HomePlan) -> list[HomePlan]:
    """One JSON object a line, `key` required, each left out field as in `defaults`; empty lines are skipped.

    Fields: key, name, seed, csv (a path), incident (a list as on the command line), silent_for (hours), robot_answer,
    video (a file or an rtsp:// address).
    """
    plans = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                plans.append(_read_plan(json.loads(line), defaults))
            except (ValueError, TypeError) as error:
                raise InvalidPlan(f"keys file, line {number}: {error}") from error
    return plans


def _read_plan(fields: object, defaults: HomePlan) -> HomePlan:
    if not isinstance(fields, dict) or not isinstance(fields.get("key"), str) or not fields["key"]:
        raise InvalidPlan('write one object a line, {"key": "...", ...}')
    if unknown := fields.keys() - _FIELDS:
        raise InvalidPlan(f"unknown field {', '.join(sorted(unknown))}; there are {', '.join(sorted(_FIELDS))}")
    key, answer = fields["key"], fields.get("robot_answer", defaults.robot_answer)
    if answer not in ROBOT_ANSWERS:
        raise InvalidPlan(f"robot_answer is one of {', '.join(ROBOT_ANSWERS)}")
    incidents = fields.get("incident")
    if incidents is not None and not isinstance(incidents, list):
        raise InvalidPlan('incident is a list, as in ["fall@+20s"]')
    silent_for = fields.get("silent_for", defaults.silent_for)
    if silent_for is not None and not float(silent_for) >= 0:
        raise InvalidPlan("silent_for is a number of hours, 0 or more")
    csv = fields.get("csv")
    return HomePlan(
        key=key,
        name=str(fields.get("name", key.split(".", 1)[0])),
        seed=int(fields.get("seed", seed_of_key(key))),
        csv=defaults.csv if csv is None else Path(csv),
        incidents=defaults.incidents if incidents is None else tuple(parse_incident(text) for text in incidents),
        silent_for=None if silent_for is None else float(silent_for),
        robot_answer=answer,
        video=fields.get("video", defaults.video),
    )
