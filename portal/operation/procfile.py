"""The Procfile: one `name: [VARIABLE=value ...] command argument ...` a line, as honcho and foreman read it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

AI_SETTINGS = "portal.settings.ai"
_LINE = re.compile(r"(?P<name>[A-Za-z0-9_-]+):\s*(?P<command>.+)")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)", re.DOTALL)


class MalformedProcfile(Exception):
    """A line cannot be read; the message names it."""


@dataclass(frozen=True)
class ProcfileEntry:
    """One process. `variables` are the line's own, over the environment that it is started in."""

    name: str
    variables: dict[str, str]
    argv: tuple[str, ...]

    @property
    def is_ai_worker(self) -> bool:
        return self.variables.get("DJANGO_SETTINGS_MODULE") == AI_SETTINGS

    def expand(self, variables: Mapping[str, str]) -> tuple[str, ...]:
        """Return the arguments with `$NAME` replaced. Raises MalformedProcfile for an unknown name."""
        try:
            return tuple(Template(argument).substitute(variables) for argument in self.argv)
        except (KeyError, ValueError) as error:
            message = f"{self.name!r} in the Procfile uses a variable that is not set: {error}."
            raise MalformedProcfile(message) from error


def parse_procfile(text: str) -> list[ProcfileEntry]:
    """Return the entries in their order. Raises MalformedProcfile."""
    entries: dict[str, ProcfileEntry] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise MalformedProcfile(f"Line {number} of the Procfile is not `name: command`: {line!r}.")
        name = match["name"]
        if name in entries:
            raise MalformedProcfile(f"Line {number} of the Procfile names {name!r} a second time.")
        entries[name] = _parse_command(name, match["command"], number)
    return list(entries.values())


def _parse_command(name: str, command: str, number: int) -> ProcfileEntry:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise MalformedProcfile(f"Line {number} of the Procfile has an open quote: {error}.") from error
    variables: dict[str, str] = {}
    while words and (assignment := _ASSIGNMENT.fullmatch(words[0])):
        variables[assignment["name"]] = assignment["value"]
        words = words[1:]
    if not words:
        raise MalformedProcfile(f"Line {number} of the Procfile has no command.")
    return ProcfileEntry(name, variables, tuple(words))
