from __future__ import annotations

from ai.promotion import judge_candidate

GOOD = {"false_alarms_per_week": 0.2, "mean_allowed_hours": 5.0}


def test_the_first_weights_go_live() -> None:
    assert judge_candidate(GOOD, None).status == "active"
    assert judge_candidate({}, None).status == "active"


def test_weights_that_ring_more_than_once_a_day_are_rejected_even_as_the_first() -> None:
    assert judge_candidate({"false_alarms_per_week": 8}, None).status == "rejected"


def test_newer_weights_within_the_target_replace_the_live_ones() -> None:
    assert judge_candidate(GOOD, {"false_alarms_per_week": 0.1, "mean_allowed_hours": 5.0}).status == "active"


def test_more_false_alarms_than_the_live_weights_wait_for_a_person() -> None:
    verdict = judge_candidate({"false_alarms_per_week": 1.5}, {"false_alarms_per_week": 0.8})
    assert verdict.status == "pending"
    assert verdict.reason == "1.5 false alarms a week, the active weights allow 0.8"


def test_fewer_false_alarms_than_bad_live_weights_go_live() -> None:
    assert judge_candidate({"false_alarms_per_week": 1.0}, {"false_alarms_per_week": 2.0}).status == "active"


def test_much_slower_weights_wait_unless_they_ring_less() -> None:
    slow = {"false_alarms_per_week": 0.2, "mean_allowed_hours": 8.0}
    assert judge_candidate(slow, GOOD).status == "pending"
    assert judge_candidate(slow, {"false_alarms_per_week": 0.6, "mean_allowed_hours": 5.0}).status == "active"


def test_weights_without_figures_wait_behind_live_ones() -> None:
    assert judge_candidate({}, GOOD).status == "pending"
    assert judge_candidate({"false_alarms_per_week": "few"}, GOOD).status == "pending"
