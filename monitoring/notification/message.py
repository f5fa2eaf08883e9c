"""What is handed to a carrier: a message in its reader's words. Nothing in it tells of anybody's health, as it lies on
lock screens and in mailboxes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Message:
    title: str
    text: str
    url: str
    purpose: str
    topic: str = ""  # a later one of the same topic takes the place of an earlier one
    urgent: bool = False
    lasts_s: int = 3600  # worthless afterwards
    push: dict[str, Any] = field(default_factory=dict)  # what the service worker needs besides


@dataclass(frozen=True)
class Address:
    """Where to. `keys` are those of a push subscription."""

    value: str
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Accepted:
    """The carrier took it. With `carrier_id` it can be asked later whether it arrived."""

    carrier_id: str = ""
    code: str = ""


@dataclass(frozen=True)
class Report:
    """What a carrier knows of a message that it took: arrived, or still on its way."""

    has_arrived: bool
    code: str = ""
