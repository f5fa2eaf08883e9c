from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models.functions import Now

from monitoring.models import RiskState
from monitoring.risk import Risk, age_risks, record_risks
from tests.factories import make_senior

if TYPE_CHECKING:
    from seniors.models import Senior

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def risk(senior_id: int, **fields: Any) -> Risk:
    plain: Risk = {
        "senior_id": senior_id,
        "level": "normal",
        "score": 0.1,
        "reasons": [{"code": "silent_for", "values": {"minutes": 142}}],
        "episode": None,
        "observed_at": NOON,
        "weight_id": None,
    }
    return {**plain, **fields}  # type: ignore[typeddict-item]  # fields of the same names


def test_the_newest_word_about_each_senior_is_kept(senior: Senior) -> None:
    other = make_senior()
    counts = record_risks([risk(senior.pk, level="warning", score=0.8, episode="e"), risk(other.pk)])
    assert counts == {"updated": 2, "stale": 0, "unknown": 0}
    state = RiskState.objects.get(senior=senior)
    assert (state.level, state.score, state.episode, state.observed_at) == ("warning", 0.8, "e", NOON)
    assert state.reasons == [{"code": "silent_for", "values": {"minutes": 142}}]


def test_an_older_word_is_stale(senior: Senior) -> None:
    record_risks([risk(senior.pk)])
    late = risk(senior.pk, level="emergency", observed_at=NOON - timedelta(seconds=1))
    assert record_risks([late]) == {"updated": 0, "stale": 1, "unknown": 0}
    assert RiskState.objects.get().level == "normal"


def test_the_same_word_again_is_harmless(senior: Senior) -> None:
    record_risks([risk(senior.pk)])
    assert record_risks([risk(senior.pk)]) == {"updated": 1, "stale": 0, "unknown": 0}


def test_of_two_words_in_one_batch_the_newer_counts(senior: Senior) -> None:
    newer = risk(senior.pk, level="watch", observed_at=NOON + timedelta(seconds=5))
    assert record_risks([newer, risk(senior.pk)]) == {"updated": 1, "stale": 1, "unknown": 0}
    assert RiskState.objects.get().level == "watch"


def test_unknown_seniors_are_counted(senior: Senior) -> None:
    assert record_risks([risk(senior.pk + 1000), risk(senior.pk)]) == {"updated": 1, "stale": 0, "unknown": 1}


def test_nothing_is_nothing() -> None:
    assert record_risks([]) == {"updated": 0, "stale": 0, "unknown": 0}


def test_only_another_level_is_a_change(senior: Senior) -> None:
    def changed_after(**fields: Any) -> bool:
        RiskState.objects.update(changed_at=NOON)
        record_risks([risk(senior.pk, **fields)])
        return RiskState.objects.get().changed_at != NOON

    record_risks([risk(senior.pk)])
    assert not changed_after(score=0.2, observed_at=NOON + timedelta(seconds=1))
    assert changed_after(level="watch", observed_at=NOON + timedelta(seconds=2))


# -- it does not flap


def shown_after(senior: Senior, *words: tuple[float, str]) -> list[str]:
    """What is shown after each of the model's words, given in minutes."""
    shown = []
    for minutes, level in words:
        record_risks([risk(senior.pk, level=level, observed_at=NOON + timedelta(minutes=minutes))])
        shown.append(RiskState.objects.get().level)
    return shown


def test_a_level_rises_and_falls_at_once(senior: Senior) -> None:
    words = [(0, "normal"), (1, "warning"), (2, "emergency"), (3, "watch"), (4, "normal")]
    assert shown_after(senior, *words) == [level for _, level in words]


def test_one_that_fell_and_came_back_is_held_until_it_was_quiet_for_five_minutes(senior: Senior) -> None:
    words = [(0, "warning"), (1, "normal"), (2, "warning"), (3, "normal"), (4, "warning"), (5, "normal"), (8, "normal")]
    assert shown_after(senior, *words) == ["warning", "normal", *["warning"] * 5]
    assert shown_after(senior, (8.9, "normal"), (9, "normal")) == ["warning", "normal"]
    assert RiskState.objects.get().reported_level == "normal"


def test_one_that_comes_back_after_long_is_new(senior: Senior) -> None:
    words = [(0, "warning"), (1, "normal"), (12, "warning"), (13, "normal")]
    assert shown_after(senior, *words) == [level for _, level in words]


def test_a_held_level_still_rises_and_no_data_is_never_held(senior: Senior) -> None:
    words = [
        (0, "warning"),
        (1, "normal"),
        (2, "warning"),
        (3, "emergency"),
        (4, "normal"),
        (5, "no_data"),
        (6, "normal"),
    ]
    expected = ["warning", "normal", "warning", "emergency", "emergency", "no_data", "normal"]
    assert shown_after(senior, *words) == expected


# -- it ages


def test_what_was_not_heard_of_for_ten_minutes_is_known_no_more(senior: Senior) -> None:
    record_risks([risk(senior.pk)])
    assert age_risks() == 0
    RiskState.objects.update(updated_at=Now() - timedelta(minutes=10, seconds=1))
    assert age_risks() == 1
    assert age_risks() == 0
    state = RiskState.objects.get()
    assert (state.level, state.reasons[0]["code"]) == ("no_data", "not_scored")
    record_risks([risk(senior.pk, observed_at=NOON + timedelta(minutes=11))])
    assert RiskState.objects.get().level == "normal"
