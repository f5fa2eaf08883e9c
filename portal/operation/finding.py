"""One thing that `manage.py doctor` looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """`broken` means that something does not work; `notice` that it works in a lesser way."""

    name: str
    state: Literal["ok", "notice", "broken"]
    detail: str
    remedy: str = ""
