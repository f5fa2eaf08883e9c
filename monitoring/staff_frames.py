"""Frames of `/ws/staff/` taken apart, and what is wrong with them."""

from __future__ import annotations

from typing import Any

from devices.strict_json import MalformedJSON, parse_strict

MAX_MESSAGE_BYTES = 65_536


class Refused(Exception):
    """A message that cannot be done: answered by `error`, and the socket stays."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def parse_message(text: str | None) -> dict[str, Any]:
    """The object in a frame. Raises Refused."""
    try:
        frame = b"" if text is None else text.encode()
        if not frame or len(frame) > MAX_MESSAGE_BYTES:
            raise MalformedJSON("a message is a JSON text of at most 64 kB")
        message = parse_strict(frame)
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise MalformedJSON("a message is an object with a `type`")
    except (MalformedJSON, UnicodeEncodeError) as error:
        raise Refused("malformed", str(error)) from error
    return message


def id_of(message: dict[str, Any]) -> str | None:
    """The sender's own name of the message, by which answers refer to it."""
    given = message.get("id")
    return given if isinstance(given, str) else None


def integer(message: dict[str, Any], name: str) -> int:
    """Raises Refused."""
    value = message.get(name)
    if type(value) is not int:
        raise Refused("malformed", f"`{name}` is an integer")
    return value


def text(message: dict[str, Any], name: str) -> str:
    """Raises Refused."""
    value = message.get(name)
    if not isinstance(value, str):
        raise Refused("malformed", f"`{name}` is a string")
    return value
