from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from monitoring.models import RiskState
from monitoring.risk import Risk, record_risks
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
