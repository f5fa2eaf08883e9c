"""SIGKILL during ingest: the table ends as the hubs' own journal, whatever was killed, and no event is there twice.

ANBU_CHAOS_KILLS=50 kills web 50 times and PostgreSQL 20 times (`make chaos-hubs N=50`).
"""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.chaos.backend import BACK_WITHIN_S, Backend, JournalingHubs, register_hubs
from tests.chaos.journal import Entry, Key, key_of, read_entries
from tests.flows.product import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.flow, pytest.mark.long]
KILLS = int(os.environ.get("ANBU_CHAOS_KILLS", "5"))
POSTGRES_KILLS = max(2, KILLS * 2 // 5)
HUBS, EVENTS_A_SECOND_AND_HUB = 30, 8.0
LONGEST_S = 3600.0


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    running = Backend("web")
    try:
        yield running
    finally:
        running.remove()


def test_web_killed_during_ingest_loses_and_doubles_nothing(backend: Backend) -> None:
    def kill() -> float:
        backend.kill("web")
        return backend.start()

    judge_kills(backend, "web", KILLS, kill)


def test_postgresql_killed_during_ingest_loses_and_doubles_nothing(backend: Backend) -> None:
    def kill() -> float:
        backend.kill_postgres()
        return backend.start_postgres()

    web_pid = backend.running["web"].pid
    judge_kills(backend, "postgres", POSTGRES_KILLS, kill)
    assert backend.running["web"].pid == web_pid
    assert backend.running["web"].poll() is None


def judge_kills(backend: Backend, name: str, kills: int, kill: Callable[[], float]) -> None:
    chance, away = random.Random(kills), []
    hubs = register_hubs(backend.staff, HUBS)
    began = time.monotonic()
    with JournalingHubs(backend, hubs, EVENTS_A_SECOND_AND_HUB, LONGEST_S) as sending:
        for _ in range(kills):
            wait_for_events(backend)
            time.sleep(chance.uniform(0, 2))
            away.append(kill())
        wait_for_events(backend)
        sending.drain()
    entries = list(read_entries(sending.journal))
    given, stored = {key_of(entry) for entry in entries}, stored_keys(backend, [hub["hub_id"] for hub in hubs])
    missing, foreign, twice = given - set(stored), set(stored) - given, len(stored) - len(set(stored))
    pressed, raised = judge_presses(backend, entries)
    # what was answered as a duplicate though the hub gave it once: committed, then killed before the answer
    resent = sending.counts["duplicates"] - sending.counts["repeats"]
    print(
        f"\n{name}: {kills} kills in {time.monotonic() - began:.0f} s, back after {max(away):.1f} s at most;"
        f" journal {len(given)}, rows {len(stored)}, missing {len(missing)}, foreign {len(foreign)}, twice {twice};"
        f" sos {pressed}, raised {raised}; resent after the commit {resent};"
        f" loss a kill < {3 / kills:.3f} (95 %)"
    )
    assert (len(missing), len(foreign), twice) == (0, 0, 0)
    assert raised == pressed
    assert sending.counts["rejected"] == 0


def wait_for_events(backend: Backend) -> None:
    """Until a batch of now is stored."""
    before = eventually(lambda: last_batch(backend), BACK_WITHIN_S, "the table answers")
    eventually(lambda: (last_batch(backend) or before) > before, BACK_WITHIN_S, "events are stored again")


def last_batch(backend: Backend) -> int | None:
    try:
        ((batch,),) = backend.query("SELECT coalesce(max(batch_id), 0) + 1 FROM ingest_batches")
    except psycopg.OperationalError:
        return None
    return int(batch)


def stored_keys(backend: Backend, hub_ids: list[int]) -> list[Key]:
    columns = "hub_id, timestamp, sensor_id, sensor_value"
    return [Key(*row) for row in backend.query(f"SELECT {columns} FROM sensor_logs WHERE hub_id = ANY(%s)", hub_ids)]


def judge_presses(backend: Backend, entries: list[Entry]) -> tuple[int, int]:
    """How often sos was pressed, and how many causes of emergencies that made."""
    pressed = {key_of(entry) for entry in entries if entry.event_content == "sos"}
    hub_ids = {str(key.hub_id) for key in pressed}
    statement = "SELECT source FROM emergency_sources"
    raised = [source for (source,) in backend.query(statement, store="DATABASE_URL") if source.split(":")[1] in hub_ids]
    return len(pressed), len(raised)
