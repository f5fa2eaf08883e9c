"""JSON as the contract wants it: UTF-8, no duplicate keys, no NaN, not nested deeply, and nothing that a database
cannot keep."""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 8


class MalformedJSON(ValueError):
    """The text is not the JSON that the contract takes; the message says what is wrong."""


def parse_strict(body: bytes, *, check_values: bool = True) -> Any:
    """The value of `body`. Raises MalformedJSON.

    `check_values` False leaves NUL, lone surrogates and endless numbers to the caller, who wants to refuse one item and
    keep the others.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique_pairs,
            parse_constant=_refuse_constant,
            parse_float=_finite if check_values else float,
        )
    except UnicodeDecodeError as error:
        raise MalformedJSON("the body is not UTF-8") from error
    except RecursionError as error:
        raise MalformedJSON("nested too deeply") from error
    except ValueError as error:
        raise MalformedJSON(str(error)) from error
    _walk(value, 0, check_texts=check_values and b"\\u" in body)
    return value


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can keep `text`: it takes neither NUL nor a lone surrogate."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedJSON("a key stands twice in one object")
    return value


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise MalformedJSON("a number is too large")
    return number


def _refuse_constant(name: str) -> None:
    raise MalformedJSON(f"{name} is not JSON")


def _walk(value: Any, depth: int, *, check_texts: bool) -> None:
    if isinstance(value, str):
        if check_texts and not is_storable(value):
            raise MalformedJSON("a text holds NUL or a lone surrogate")
        return
    if not isinstance(value, dict | list):
        return
    if depth >= MAX_DEPTH:
        raise MalformedJSON(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, dict):
        for key, item in value.items():
            _walk(key, depth, check_texts=check_texts)
            _walk(item, depth + 1, check_texts=check_texts)
    else:
        for item in value:
            _walk(item, depth + 1, check_texts=check_texts)
