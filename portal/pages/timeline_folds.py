"""A timeline without its own echo: the same alert to the same people again and again is one line. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from monitoring.timeline_words import Line

FOLDED = frozenset({"escalated", "alerted", "reminded", "repeated"})


@dataclass(frozen=True)
class Fold:
    """`line` as it came first; `times` how often in a row, `last_at` when last."""

    line: Line
    times: int
    last_at: datetime


def fold_lines(lines: Iterable[Line]) -> list[Fold]:
    folds: list[Fold] = []
    for line in lines:
        before = folds[-1] if folds else None
        if before and line.kind in FOLDED and _says_the_same(before.line, line):
            folds[-1] = replace(before, times=before.times + 1, last_at=line.at)
        else:
            folds.append(Fold(line, 1, line.at))
    return folds


def _says_the_same(one: Line, other: Line) -> bool:
    return (one.kind, one.title, one.by, one.detail) == (other.kind, other.title, other.by, other.detail)
