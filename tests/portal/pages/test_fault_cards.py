from __future__ import annotations

from datetime import UTC, datetime, timedelta

from devices.models import Fault
from portal.pages.fault_cards import fold_faults

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def fault(number: int, after_s: float = 0, kind: str = "hub_offline", *, seen: bool = False) -> Fault:
    since = NOON + timedelta(seconds=after_s)
    return Fault(fault_id=number, hub_id=number, kind=kind, since=since, seen_at=since if seen else None)


def shown(*faults: Fault) -> list[list[int]]:
    """The faults on each card, from the top."""
    return [[fault.fault_id for fault in card.faults] for card in fold_faults(faults)]


def test_hubs_that_fall_silent_together_are_one_card() -> None:
    assert shown(*[fault(number, number * 10) for number in range(1, 7)]) == [[1, 2, 3, 4, 5, 6]]


def test_a_few_hubs_stay_cards_of_their_own() -> None:
    assert shown(*[fault(number, number) for number in range(1, 4)]) == [[3], [2], [1]]


def test_silent_hubs_far_apart_in_time_have_nothing_to_do_with_one_another() -> None:
    assert shown(*[fault(number, number * 61) for number in range(1, 6)]) == [[5], [4], [3], [2], [1]]


def test_other_faults_never_fold() -> None:
    assert len(shown(*[fault(number, number, "battery_low") for number in range(1, 9)])) == 8


def test_a_card_is_looked_at_when_each_of_its_faults_was() -> None:
    outage = [fault(number, seen=number != 2) for number in range(1, 5)]
    newer = fault(9, 600, "clock_skew", seen=True)
    first, second = fold_faults([*outage, newer])
    assert (first.unseen_ids, second.unseen_ids) == ("2", "")
    assert second.first == newer


def test_a_card_is_drawn_anew_when_it_grows_or_is_looked_at() -> None:
    four, five = ([fault(number) for number in range(1, many)] for many in (5, 6))
    seen = [fault(number, seen=True) for number in range(1, 5)]
    versions = {fold_faults(faults)[0].version for faults in (four, five, seen)}
    assert len(versions) == 3
