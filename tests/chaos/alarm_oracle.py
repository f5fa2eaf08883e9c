"""Was every emergency raised once, shown, delivered once a person, escalated on time? From SQL and the journal alone.

Pure: what was read goes in, a judgement comes out. All times are Unix seconds of one machine's clock.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.chaos.alarm_journal import Note

FIRST_STEP_S, NEXT_STEP_S = 60.0, 180.0  # nobody is on duty in the suite: the supervisors are the next rung at once
LATE_S = 10.0
EARLY_S = 1.0
SHOWN_AGAIN_WITHIN_S = 3.0
OPENS = {"raised", "reopened", "owner_silent", "snooze_ended", "test_ended", "test_overdue"}


class Transition(NamedTuple):
    log_id: int
    at: float
    kind: str


class Delivery(NamedTuple):
    delivery_id: str
    log_id: int
    person: str
    reason: str
    created_at: float


@dataclass
class Records:
    """What the database holds about the seniors of the round."""

    sources: dict[str, int]  # source -> log_id
    types: dict[int, str]  # log_id -> event_type
    statuses: dict[int, str]
    transitions: list[Transition]
    deliveries: list[Delivery]
    unnumbered: int  # announcements that never got their place in the log


@dataclass
class Judgement:
    """`violations` are sentences; none is what is hoped for. `figures` in seconds, lists to be put together."""

    raised: int = 0
    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    steps: int = 0
    alerts: int = 0
    shown_again_s: list[float] = field(default_factory=list)
    shown_live_s: list[float] = field(default_factory=list)
    step_late_s: list[float] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        return self.lost + self.double + self.late


def judge(notes: Iterable[Note], records: Records, caseworkers: Iterable[str]) -> Judgement:
    notes = list(notes)
    judgement = Judgement()
    given = [note["source"] for note in notes if note["kind"] in {"press", "publish"}]
    judgement.raised = len(given)
    judge_rows(given, records, judgement)
    told = [note for note in notes if note["kind"] == "told"]
    judge_showing(given, told, records, list(caseworkers), judgement)
    judge_deliveries(told, records, judgement)
    judge_taking(notes, records, judgement)
    judge_ladder(records, judgement)
    judge_return(notes, records, judgement)
    return judgement


def judge_rows(given: list[str], records: Records, judgement: Judgement) -> None:
    """Every cause has one emergency of its own: each home waits for the end of one before it raises the next."""
    judgement.lost += [f"{source} raised nothing" for source in given if source not in records.sources]
    causes = Counter(records.sources[source] for source in given if source in records.sources)
    judgement.double += [f"emergency {log_id} has {count} causes" for log_id, count in causes.items() if count > 1]
    known = set(given)
    judgement.double += [f"nobody caused {source}" for source in records.sources if source not in known]
    unresolved = [log_id for log_id, status in records.statuses.items() if status != "resolved"]
    judgement.lost += [f"emergency {log_id} is still {records.statuses[log_id]}" for log_id in unresolved]
    if records.unnumbered:
        judgement.lost.append(f"{records.unnumbered} announcements have no place in the log")


def judge_showing(
    given: list[str], told: list[Note], records: Records, caseworkers: list[str], judgement: Judgement
) -> None:
    seen = {(note["log_id"], note["person"]) for note in told}
    for source in given:
        log_id = records.sources.get(source)
        judgement.lost += [
            f"emergency {log_id} ({source}) was never shown to {person}"
            for person in caseworkers
            if log_id is not None and (log_id, person) not in seen
        ]


def judge_deliveries(told: list[Note], records: Records, judgement: Judgement) -> None:
    """One delivery a person for each alert, and each was seen: by its message, or by a later state of the emergency."""
    judgement.alerts = len(records.deliveries)
    raised = Counter(
        (delivery.log_id, delivery.person) for delivery in records.deliveries if delivery.reason == "raised"
    )
    judgement.double += [
        f"{person} was alerted {n} times that {log} is raised" for (log, person), n in raised.items() if n > 1
    ]
    last_seen: dict[tuple[int, str], float] = defaultdict(float)
    delivered: dict[str, set[int]] = defaultdict(set)
    for note in told:
        key = (note["log_id"], note["person"])
        last_seen[key] = max(last_seen[key], note["at"])
        if note["delivery_id"]:
            delivered[note["delivery_id"]].add(note["seq"])
    judgement.double += [
        f"delivery {name} has the numbers {sorted(seqs)}" for name, seqs in delivered.items() if len(seqs) > 1
    ]
    for delivery in records.deliveries:
        is_seen = (
            delivery.delivery_id in delivered or last_seen[delivery.log_id, delivery.person] >= delivery.created_at
        )
        if not is_seen:
            judgement.lost.append(
                f"delivery {delivery.delivery_id} of {delivery.log_id} never reached {delivery.person}"
            )


def judge_taking(notes: list[Note], records: Records, judgement: Judgement) -> None:
    """What was answered as taken is taken, by one person."""
    taken = Counter(step.log_id for step in records.transitions if step.kind == "acknowledged")
    for log_id in {note["log_id"] for note in notes if note["kind"] == "took"}:
        resolved_outright = taken[log_id] == 0 and records.statuses.get(log_id) == "resolved"
        if taken[log_id] != 1 and not resolved_outright:
            judgement.double.append(f"emergency {log_id} was taken {taken[log_id]} times")


def judge_ladder(records: Records, judgement: Judgement) -> None:
    """Each step on time: neither left out, nor late, nor twice, nor after somebody took it."""
    by_log: dict[int, list[Transition]] = defaultdict(list)
    for step in records.transitions:
        by_log[step.log_id].append(step)
    for log_id, steps in by_log.items():
        if records.types.get(log_id) in {"sos", "inactivity"}:
            judge_climb(log_id, sorted(steps, key=lambda step: step.at), judgement)


def judge_climb(log_id: int, steps: list[Transition], judgement: Judgement) -> None:
    due: float | None = None
    for step in steps:
        if due is not None and step.kind in {"acknowledged", "resolved", "escalated"}:
            late = step.at - due
            if late > LATE_S:
                judgement.late.append(f"emergency {log_id}: a step was {late:.1f} s late, or left out")
        if step.kind in OPENS:
            due = step.at + FIRST_STEP_S
        elif step.kind == "escalated":
            judgement.steps += 1
            if due is None:
                judgement.double.append(f"emergency {log_id} climbed after it was taken")
            else:
                judgement.step_late_s.append(step.at - due)
                if step.at < due - EARLY_S:
                    judgement.double.append(f"emergency {log_id} climbed {due - step.at:.1f} s too early, or twice")
            due = step.at + NEXT_STEP_S
        elif step.kind in {"acknowledged", "resolved"}:
            due = None


def judge_return(notes: list[Note], records: Records, judgement: Judgement) -> None:
    """What was raised while a page was away is on it soon after its return; what is raised else is there soon."""
    raised_at = {step.log_id: step.at for step in records.transitions if step.kind == "raised"}
    over_at: dict[int, float] = {}
    for step in records.transitions:
        if step.kind in {"acknowledged", "resolved"}:
            over_at.setdefault(step.log_id, step.at)
    connected: dict[str, float] = {}
    seen: dict[str, set[int]] = defaultdict(set)
    for note in notes:
        if note["kind"] == "connected":
            connected[note["person"]] = note["at"]
        elif note["kind"] == "told" and note["log_id"] not in seen[note["person"]]:
            person, log_id, at = note["person"], note["log_id"], note["at"]
            seen[person].add(log_id)
            if log_id not in raised_at:
                continue
            raised, took = raised_at[log_id], at - connected[person]
            if raised >= connected[person]:
                judgement.shown_live_s.append(at - raised)
                continue
            judgement.shown_again_s.append(took)
            if took > SHOWN_AGAIN_WITHIN_S and over_at.get(log_id, math.inf) > connected[person]:
                judgement.late.append(f"emergency {log_id} was on {person}'s page {took:.1f} s after its return")


def percentile(values: list[float], share: float) -> float:
    """0.0 where there is nothing."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0
