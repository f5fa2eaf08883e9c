"""Faults at random, from web to the watchdogs: every emergency is raised once, shown, and climbs on time.

A dozen faults here; `make chaos N=300` for the published table.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.chaos.suite import run_suite, write_table

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.flow, pytest.mark.long]
FAULTS = int(os.environ.get("ANBU_CHAOS_FAULTS", "14"))


def test_no_emergency_is_lost_doubled_or_late(tmp_path: Path) -> None:
    rounds = run_suite(FAULTS, tmp_path / "state.json", print)
    print(write_table(rounds))
    assert [finding for finished in rounds for finding in finished["violations"]] == []
    assert sum(len(finished["faults"]) for finished in rounds) == FAULTS
    assert sum(finished["steps"] for finished in rounds) > 0
