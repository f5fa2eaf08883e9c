from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitoring.timeline_words import Line
from portal.pages.timeline_folds import fold_lines

START = datetime(2026, 11, 22, tzinfo=UTC)


def line(minute: int, kind: str, detail: str = "") -> Line:
    return Line(START + timedelta(minutes=minute), kind, "quiet", kind, "", detail)


def test_the_same_alert_in_a_row_is_one_line_that_says_how_often() -> None:
    folds = fold_lines([line(0, "raised"), line(1, "escalated", "Lee"), line(4, "escalated", "Lee")])
    assert [(fold.line.kind, fold.times) for fold in folds] == [("raised", 1), ("escalated", 2)]
    assert folds[1].last_at == START + timedelta(minutes=4)


def test_other_people_and_what_people_do_stay_apart() -> None:
    lines = [line(0, "escalated", "Lee"), line(1, "escalated", "Park"), line(2, "progress"), line(3, "progress")]
    assert [fold.times for fold in fold_lines(lines)] == [1, 1, 1, 1]
