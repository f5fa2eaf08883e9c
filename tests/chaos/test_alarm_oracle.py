"""The oracle finds what it is there to find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.chaos.alarm_oracle import Delivery, Judgement, Records, Transition, judge

SOURCE = "panic:1:sos:button:2026-11-25T00:00:00+00:00"
TAKEN = [Transition(7, 100.0, "raised"), Transition(7, 130.0, "acknowledged"), Transition(7, 140.0, "resolved")]
GOOD = Records(
    sources={SOURCE: 7},
    types={7: "sos"},
    statuses={7: "resolved"},
    transitions=TAKEN,
    deliveries=[Delivery("d-kim", 7, "kim", "raised", 100.0), Delivery("d-lee", 7, "lee", "raised", 100.0)],
    unnumbered=0,
)


def told(person: str, at: float = 100.1, **fields: Any) -> dict[str, Any]:
    about = {"kind": "told", "type": "emergency.raised", "seq": 1, "delivery_id": f"d-{person}", "log_id": 7}
    return about | {"at": at, "person": person, "status": "open"} | fields


PRESS = {"at": 99.9, "kind": "press", "source": SOURCE, "senior_id": 1}
CONNECTED = [{"at": 50.0, "kind": "connected", "person": person} for person in ("kim", "lee")]
NOTES = [*CONNECTED, PRESS, told("kim"), told("lee"), {"at": 130.1, "kind": "took", "person": "kim", "log_id": 7}]


def judged(records: Records = GOOD, notes: list[dict[str, Any]] = NOTES) -> Judgement:
    return judge(notes, records, ["kim", "lee"])


def with_steps(*steps: tuple[float, str]) -> Judgement:
    return judged(replace(GOOD, transitions=[Transition(7, at, kind) for at, kind in steps]))


def test_a_good_run_has_no_violations() -> None:
    judgement = judged()
    assert judgement.violations == []
    assert (judgement.raised, judgement.alerts) == (1, 2)


def test_a_press_that_raised_nothing_is_lost() -> None:
    assert judged(replace(GOOD, sources={})).lost


def test_an_emergency_that_one_caseworker_never_saw_is_lost() -> None:
    assert judged(notes=[note for note in NOTES if note.get("person") != "lee" or note["kind"] != "told"]).lost


def test_an_alert_that_nobody_saw_after_it_was_written_is_lost() -> None:
    later = Delivery("d-again", 7, "lee", "escalated", 120.0)
    assert judged(replace(GOOD, deliveries=[*GOOD.deliveries, later])).lost
    assert not judged(replace(GOOD, deliveries=[*GOOD.deliveries, later]), [*NOTES, told("lee", 125.0)]).lost


def test_an_emergency_without_its_place_in_the_log_or_without_end_is_lost() -> None:
    assert judged(replace(GOOD, unnumbered=1)).lost
    assert judged(replace(GOOD, statuses={7: "open"})).lost


def test_what_nobody_caused_is_double() -> None:
    assert judged(replace(GOOD, sources={SOURCE: 7, "panic:1:sos:button:other": 8})).double


def test_two_causes_of_one_emergency_are_double() -> None:
    other = PRESS | {"source": "another"}
    assert judged(replace(GOOD, sources={SOURCE: 7, "another": 7}), [*NOTES, other]).double


def test_two_alerts_to_one_person_that_it_is_raised_are_double() -> None:
    twice = [*GOOD.deliveries, Delivery("d-kim2", 7, "kim", "raised", 100.5)]
    assert judged(replace(GOOD, deliveries=twice)).double


def test_a_resend_with_another_number_is_double() -> None:
    assert judged(notes=[*NOTES, told("kim", 105.0, seq=2)]).double
    assert not judged(notes=[*NOTES, told("kim", 105.0)]).double


def test_an_emergency_taken_twice_is_double() -> None:
    assert with_steps((100.0, "raised"), (130.0, "acknowledged"), (131.0, "acknowledged"), (140.0, "resolved")).double


def test_a_ladder_on_time_is_good() -> None:
    steps = [(100.0, "raised"), (160.5, "escalated"), (341.0, "escalated"), (400.0, "acknowledged")]
    judgement = with_steps(*steps, (401.0, "resolved"))
    assert judgement.violations == []
    assert judgement.step_late_s == [0.5, 0.5]


def test_a_step_that_came_late_or_not_at_all_is_late() -> None:
    assert with_steps((100.0, "raised"), (171.0, "escalated"), (180.0, "resolved")).late
    assert with_steps((100.0, "raised"), (171.0, "acknowledged"), (180.0, "resolved")).late
    assert not with_steps((100.0, "raised"), (165.0, "acknowledged"), (180.0, "resolved")).late


def test_a_step_twice_or_after_it_was_taken_is_double() -> None:
    assert with_steps((100.0, "raised"), (160.0, "escalated"), (160.4, "escalated"), (180.0, "resolved")).double
    assert with_steps((100.0, "raised"), (110.0, "acknowledged"), (160.0, "escalated"), (180.0, "resolved")).double


def test_what_a_page_hears_long_after_its_return_is_late() -> None:
    back = [*NOTES[:3], told("kim"), {"at": 110.0, "kind": "connected", "person": "lee"}]
    assert judged(notes=[*back, told("lee", 112.9)]).late == []
    assert judged(notes=[*back, told("lee", 113.1)]).late
