"""JSON as the contract wants it: UTF-8, no duplicate keys, no NaN, no NUL or lone surrogate, eight levels deep at most."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

from rest_framework.parsers import BaseParser

from seniors.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DEPTH = 8
MAX_BYTES = 1_048_576


class MalformedJSON(ValueError):
    """The text is not the JSON that the contract takes; the message says what is wrong."""


def parse_strict(body: bytes) -> Any:
    """The value of `body`. Raises MalformedJSON."""
    try:
        text = body.decode("utf-8")
        check_depth(text)
        value = json.loads(text, object_pairs_hook=unique_pairs, parse_constant=refuse_constant)
    except UnicodeDecodeError as error:
        raise MalformedJSON("the body is not UTF-8") from error
    except RecursionError as error:
        raise MalformedJSON("nested too deeply") from error
    except ValueError as error:
        raise MalformedJSON(str(error)) from error
    check_text(value)
    return value


def check_depth(text: str) -> None:
    """Refuses deep nesting before the parser recurses. Brackets inside strings count too: harmless at this limit
    only because a string may hold them, so strings are skipped."""
    depth, inside, escaped = 0, False, False
    for char in text:
        if inside:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                inside = False
        elif char == '"':
            inside = True
        elif char in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedJSON(f"nested more than {MAX_DEPTH} levels deep")
        elif char in "]}":
            depth -= 1


def unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedJSON("a key stands twice in one object")
    return value


def refuse_constant(name: str) -> None:
    raise MalformedJSON(f"{name} is not JSON")


def check_text(value: Any) -> None:
    """PostgreSQL stores neither NUL nor a lone surrogate."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise MalformedJSON("a text holds NUL or a lone surrogate")
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key)
            check_text(item)
    elif isinstance(value, list):
        for item in value:
            check_text(item)


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise Problem(413, "too_large", f"a request may have {MAX_BYTES} bytes")
        try:
            return parse_strict(body)
        except MalformedJSON as error:
            raise Problem(400, "malformed", str(error)) from error
