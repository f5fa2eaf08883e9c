"""One round: faults at random under the load of alarm_clients, then the oracle's judgement."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos.alarm_journal import JournalTail, read_notes
from tests.chaos.alarm_oracle import Delivery, Records, Transition, judge
from tests.chaos.backend import register_hubs
from tests.chaos.faults import TOUCHES_SCORING, Fault, commit
from tests.chaos.whole_backend import PASSWORD, WholeBackend, make_people
from tests.flows.product import ROOT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

HOMES, SILENT = 14, 4
PATIENCE_S = (72.0, 72.0, 255.0)  # of the first homes and the first silent one: so long nobody takes what they raise
WHOLE_WITHIN_S = 90.0
SCORED_WITHIN_S = 90.0
UPSET_S = (0.3, 2.0)  # between the path being whole and the next fault
LONGEST_LADDER_S = 70.0


class Clients:
    """The process of alarm_clients, for the length of a `with`."""

    def __init__(self, backend: WholeBackend, cast: dict[str, Any]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="clients-", dir=backend.data))
        self.journal, self._log_path = folder / "journal", folder / "clients.log"
        self.journal.touch()
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.alarm_clients", "--journal", str(self.journal)],
                cwd=ROOT, env=backend.environment, stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        self._send(cast)

    def __enter__(self) -> Clients:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def cut(self, person: str, seconds: float) -> None:
        self._send({"cut": person, "seconds": seconds})

    def check(self) -> None:
        assert self._process.poll() is None, self.last_words()

    def finish(self) -> str:
        """Nothing more is raised; returns when all is resolved, with what went wrong with the clients themselves."""
        self._process.communicate(timeout=420)
        return "" if self._process.returncode == 0 else self.last_words()

    def last_words(self) -> str:
        return self._log_path.read_text(errors="replace")[-3000:]

    def _send(self, line: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        self._process.stdin.flush()


class Round:
    def __init__(self, backend: WholeBackend, seed: int, report: Callable[[str], None]) -> None:
        self._backend, self._seed, self._report = backend, seed, report
        self._chance = random.Random(seed)
        self._people = {
            f"kim{seed}@anbu.example": "caseworker",
            f"lee{seed}@anbu.example": "caseworker",
            f"park{seed}@anbu.example": "supervisor",
        }
        self._ids = make_people(backend, self._people)
        self._homes = register_hubs(backend.staff, HOMES + SILENT)
        for home in self._homes:
            for email in list(self._people)[:2]:
                path = f"/seniors/{home['senior_id']}/staff/{self._ids[email]}"
                assert backend.staff.call("PUT", path).status_code == 204
        self._scored: dict[int, float] = {}  # senior_id -> when a fault of the scoring began

    @property
    def senior_ids(self) -> list[int]:
        return [home["senior_id"] for home in self._homes]

    def run(self, faults: list[Fault]) -> dict[str, Any]:
        """What became of it, as JSON."""
        done: list[dict[str, Any]] = []
        began, revived = time.monotonic(), self._backend.revived
        with Clients(self._backend, self._cast()) as clients:
            tail = JournalTail(clients.journal)
            self._wait_whole(clients, tail)
            for fault in faults:
                time.sleep(self._chance.uniform(*UPSET_S))
                done.append(self._commit(fault, clients, tail))
            # the last ladders climb once more, undisturbed
            time.sleep(max(0.0, LONGEST_LADDER_S - (time.monotonic() - began)))
            stuck = clients.finish()
            notes = list(read_notes(clients.journal))
        records = read_records(
            self._backend, self.senior_ids, {number: mail.partition("@")[0] for mail, number in self._ids.items()}
        )
        judgement = judge(notes, records, [email.partition("@")[0] for email in list(self._people)[:2]])
        if stuck:
            judgement.lost.append(f"the clients did not come to an end: {stuck[-400:]}")
        scored = self._judge_scoring(judgement.late)
        judgement.lost += [
            f"a process ended by itself: {name} {status}" for name, status in self._backend.dead().items()
        ]
        return {
            "seed": self._seed, "seconds": time.monotonic() - began, "faults": done, "scored_s": scored,
            "revived": self._backend.revived - revived, "violations": judgement.violations, **asdict(judgement),
        }  # fmt: skip

    def _cast(self) -> dict[str, Any]:
        homes, silent = self._homes[:HOMES], [home["senior_id"] for home in self._homes[HOMES:]]
        patient = [*(home["senior_id"] for home in homes), silent[0]]
        patience = dict(zip(patient, PATIENCE_S, strict=False)) | {silent[0]: PATIENCE_S[0]}
        return {
            "url": self._backend.url, "redis_url": self._backend.redis_url, "seed": self._seed,
            "people": [{"email": email, "password": PASSWORD} for email in self._people],
            "homes": homes, "silent": silent, "patience": patience,
        }  # fmt: skip

    def _commit(self, fault: Fault, clients: Clients, tail: JournalTail) -> dict[str, Any]:
        clients.check()
        began = time.monotonic()
        if fault.kind in TOUCHES_SCORING:
            self._ask_for_a_score(began)
        person = self._chance.choice(list(self._people)[:2]).partition("@")[0]
        away = commit(self._backend, fault, lambda seconds: clients.cut(person, seconds))
        tail.read()
        self._wait_whole(clients, tail)
        whole = time.monotonic() - began
        self._report(f"{fault.kind}: back after {away:.1f} s, whole after {whole:.1f} s")
        return {"kind": fault.kind, "away_s": round(away, 2), "whole_s": round(whole, 2)}

    def _wait_whole(self, clients: Clients, tail: JournalTail) -> None:
        """Until something raised after this moment is on somebody's page."""
        began, seen = time.time(), set[int]()

        def is_shown() -> bool:
            clients.check()
            self._backend.revive()
            for note in tail.read():
                if note["kind"] == "press" and note["at"] > began:
                    seen.add(note["senior_id"])
                if note["kind"] == "told" and note["type"] == "emergency.raised" and note["senior_id"] in seen:
                    return True
            return False

        eventually(is_shown, WHOLE_WITHIN_S, f"an emergency is shown again; the clients say {clients.last_words()}")

    def _ask_for_a_score(self, began: float) -> None:
        """A senior who has just come: the next tick says of them that there is nothing to judge by."""
        (home,) = register_hubs(self._backend.staff, 1)
        self._scored[home["senior_id"]] = began

    def _judge_scoring(self, late: list[str]) -> list[float]:
        """Seconds from the fault until each newcomer had a word of the model's."""
        statement = """SELECT extract(epoch FROM risk_states.updated_at - seniors.created_at)::float8
            FROM risk_states JOIN seniors USING (senior_id) WHERE senior_id = %s"""
        took: list[float] = []
        for senior_id, began in self._scored.items():
            rows = self._backend.ask(statement, senior_id)
            while not rows and time.monotonic() < began + SCORED_WITHIN_S:
                time.sleep(0.5)
                self._backend.revive()
                rows = self._backend.ask(statement, senior_id)
            took += [row[0] for row in rows]
            if not rows:
                late.append(f"senior {senior_id} was not scored within {SCORED_WITHIN_S:.0f} s")
        return took


def read_records(backend: WholeBackend, senior_ids: list[int], people: dict[int, str]) -> Records:
    """The rows of those seniors, in the oracle's words."""
    of_them = "log_id IN (SELECT log_id FROM emergency_logs WHERE senior_id = ANY(%s))"

    def read(statement: str) -> list[tuple[Any, ...]]:
        return backend.query(statement, senior_ids, store="DATABASE_URL")

    logs = read("SELECT log_id, event_type, status FROM emergency_logs WHERE senior_id = ANY(%s)")
    types = {log_id: event_type for log_id, event_type, _ in logs}
    sources = read(f"SELECT source, log_id FROM emergency_sources WHERE {of_them}")
    moments = "extract(epoch FROM {})::float8"
    transitions = read(
        f"SELECT log_id, {moments.format('at')}, kind FROM emergency_transitions WHERE {of_them} ORDER BY id"
    )
    deliveries = read(
        f"SELECT delivery_id::text, log_id, staff_id, reason, {moments.format('created_at')}"
        f" FROM alert_deliveries WHERE {of_them}"
    )
    ((unnumbered,),) = read("SELECT count(*) FROM emergency_outbox WHERE seq IS NULL AND senior_id = ANY(%s)")
    return Records(
        sources={source: log_id for source, log_id in sources if types[log_id] in {"sos", "inactivity"}},
        types=types,
        statuses={log_id: status for log_id, _, status in logs},
        transitions=[Transition(*row) for row in transitions],
        deliveries=[Delivery(row[0], row[1], people[row[2]], row[3], row[4]) for row in deliveries if row[2] in people],
        unnumbered=unnumbered,
    )
