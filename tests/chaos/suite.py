"""The fault suite: `make chaos N=300`. Rounds of faults until there are enough; a run that was stopped goes on.

    python -m tests.chaos.suite --faults 300 --state var/chaos.json --table docs/faults.md

Each finished round is kept in the state file, so a run that is called again does only what is missing. The table is
written from all rounds of the state file.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.chaos.alarm_oracle import percentile
from tests.chaos.alarm_round import Round
from tests.chaos.faults import Fault, count_kinds, plan_faults
from tests.chaos.whole_backend import WholeBackend

A_ROUND = 30
SEED = 20261125


def run_suite(faults: int, state_path: Path, report: Any) -> list[dict[str, Any]]:
    """All rounds, those of earlier runs too."""
    rounds: list[dict[str, Any]] = json.loads(state_path.read_text()) if state_path.exists() else []
    missing = plan_missing(faults, rounds)
    if not missing:
        return rounds
    backend = WholeBackend()
    try:
        while missing:
            now, missing = missing[:A_ROUND], missing[A_ROUND:]
            outcome = Round(backend, time.time_ns() % 1_000_000_000, report).run(now)
            outcome["at"] = datetime.now(UTC).isoformat(timespec="seconds")
            rounds.append(outcome)
            state_path.parent.mkdir(parents=True, exist_ok=True)
            draft = state_path.with_suffix(".draft")
            draft.write_text(json.dumps(rounds))
            draft.replace(state_path)
            report(summarise(outcome))
    finally:
        backend.remove()
    return rounds


def plan_missing(faults: int, rounds: list[dict[str, Any]]) -> list[Fault]:
    """What the finished rounds have left of the plan."""
    done = Counter(fault["kind"] for finished in rounds for fault in finished["faults"])
    missing = []
    for fault in plan_faults(faults, SEED):
        if done[fault.kind] > 0:
            done[fault.kind] -= 1
        else:
            missing.append(fault)
    return missing


def summarise(outcome: dict[str, Any]) -> str:
    return (
        f"round of {len(outcome['faults'])} faults in {outcome['seconds']:.0f} s: raised {outcome['raised']}, "
        f"alerts {outcome['alerts']}, steps {outcome['steps']}, lost {len(outcome['lost'])}, "
        f"double {len(outcome['double'])}, late {len(outcome['late'])}; "
        f"shown again after {max(outcome['shown_again_s'], default=0):.2f} s at most, "
        f"a step {max(outcome['step_late_s'], default=0):.1f} s late at most {outcome['violations'][:20]}"
    )


def write_table(rounds: list[dict[str, Any]]) -> str:
    """The committed page, in Markdown."""
    faults = [fault for finished in rounds for fault in finished["faults"]]
    whole: dict[str, list[float]] = defaultdict(list)
    for fault in faults:
        whole[fault["kind"]].append(fault["whole_s"])
    put = {name: [value for finished in rounds for value in finished[name]] for name in
           ("shown_again_s", "shown_live_s", "step_late_s", "scored_s", "lost", "double", "late")}  # fmt: skip
    counts = {name: sum(finished[name] for finished in rounds) for name in ("raised", "alerts", "steps")}
    lines = [
        "| fault | times | emergency on a page again, median and longest s | loss a fault (95 %) |",
        "| --- | --- | --- | --- |",
    ]
    for kind, times in count_kinds([Fault(fault["kind"], 0.0) for fault in faults]).most_common():
        waits = whole[kind]
        lines.append(f"| {kind} | {times} | {percentile(waits, 0.5):.1f}, {max(waits):.1f} | < {3 / times:.1%} |")
    lines.append(f"| all | {len(faults)} | | < {3 / max(1, len(faults)):.1%} |")
    rows = {
        "emergencies raised (presses and episodes)": f"{counts['raised']:,}",
        "lost": len(put["lost"]),
        "double": len(put["double"]),
        "late": len(put["late"]),
        "alerts to a person, each delivered once": f"{counts['alerts']:,}",
        "steps of the ladder": counts["steps"],
        "lateness of a step": spread(put["step_late_s"]),
        "on the page after its socket was back": spread(put["shown_again_s"]),
        "on an open page after it was raised": spread(put["shown_live_s"]),
        "scoring workers that ended because they were deaf, and started anew": sum(each["revived"] for each in rounds),
        "a new senior scored though scoring was hit": spread(put["scored_s"]),
    }
    lines += ["", "| what the oracle counted | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(lines) + "\n"


def spread(values: list[float]) -> str:
    middle, most, longest = percentile(values, 0.5), percentile(values, 0.99), max(values, default=0.0)
    return f"median {middle:.2f} s, p99 {most:.2f} s, longest {longest:.2f} s ({len(values)} times)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=300)
    parser.add_argument("--state", type=Path, default=Path("var/chaos.json"))
    parser.add_argument("--table", type=Path, help="where the table goes as well")
    arguments = parser.parse_args()

    def report(text: str) -> None:
        print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)

    rounds = run_suite(arguments.faults, arguments.state, report)
    table = write_table(rounds)
    print(table)
    if arguments.table:
        arguments.table.write_text(table)
    sys.exit(any(finished["violations"] for finished in rounds))


if __name__ == "__main__":
    main()
