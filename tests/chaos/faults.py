"""The faults of the suite: what each does to the product, and how it is undone."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.whole_backend import WholeBackend

# of 300; a smaller number is shared out alike
MIX = {
    "web killed": 110,
    "Redis killed": 20,
    "Redis killed, its data gone": 20,
    "Redis emptied (FLUSHALL)": 20,
    "PostgreSQL killed": 30,
    "listener killed": 25,
    "one of two watchdogs killed": 20,
    "both watchdogs killed": 20,
    "scoring worker killed": 10,
    "scoring worker's child killed": 10,
    "beat killed": 5,
    "page cut off without a word": 10,
}
CUT_S = 25.0
TOUCHES_SCORING = {"scoring worker killed", "scoring worker's child killed", "beat killed", "Redis emptied (FLUSHALL)"}


class Fault(NamedTuple):
    kind: str
    down_s: float  # between the kill and the new start


def plan_faults(count: int, seed: int) -> list[Fault]:
    """`count` faults in random order, by the shares of MIX; web has a third of them at least."""
    chance = random.Random(seed)
    whole = sum(MIX.values())
    shares = {kind: count * share // whole for kind, share in MIX.items()}
    rest = sorted(MIX, key=lambda kind: count * MIX[kind] / whole - shares[kind], reverse=True)
    for kind in rest[: count - sum(shares.values())]:
        shares[kind] += 1
    kinds = [kind for kind, share in shares.items() for _ in range(share)]
    chance.shuffle(kinds)
    return [Fault(kind, chance.uniform(0.0, 2.5)) for kind in kinds]


def commit(backend: WholeBackend, fault: Fault, cut: Callable[[float], None]) -> float:
    """Does the harm and undoes it; how long the part was away, in seconds."""
    began = time.monotonic()
    kind = fault.kind
    if kind == "web killed":
        backend.kill("web")
        time.sleep(min(fault.down_s, 0.5))
        backend.start()
    elif kind.startswith("Redis killed"):
        backend.kill_valkey(with_its_data=kind != "Redis killed")
        time.sleep(fault.down_s)
        backend.start_valkey()
    elif kind.startswith("Redis emptied"):
        backend.flush_valkey()
    elif kind == "PostgreSQL killed":
        backend.kill_postgres()
        time.sleep(min(fault.down_s, 1.5))
        backend.start_postgres()
    elif kind == "page cut off without a word":
        cut(CUT_S)
    elif kind == "scoring worker's child killed":
        backend.kill_a_child("worker-scoring")
    else:
        for name in processes_of(kind):
            backend.kill_family(name)
        time.sleep(fault.down_s)
        backend.start()
    return time.monotonic() - began


def processes_of(kind: str) -> list[str]:
    return {
        "listener killed": ["listener"],
        "one of two watchdogs killed": ["watchdog-2"],
        "both watchdogs killed": ["watchdog", "watchdog-2"],
        "scoring worker killed": ["worker-scoring"],
        "beat killed": ["beat"],
    }[kind]


def count_kinds(faults: list[Fault]) -> Counter[str]:
    return Counter(fault.kind for fault in faults)
