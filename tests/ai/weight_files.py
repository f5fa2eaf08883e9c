"""Weights in the real bucket, a reader of originals that counts and can be away, and counters read back."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, Any

from ai.object_store import ObjectStoreAway, read_object, write_object
from ai.weight_store import WeightRef

from .rows import make_artifact

if TYPE_CHECKING:
    from prometheus_client import Counter


class Originals:
    """Reads the real object store, counts, and can be slow or away."""

    def __init__(self, delay: float = 0.0) -> None:
        self.reads = 0
        self.away = False
        self._delay = delay
        self._lock = threading.Lock()

    def __call__(self, path: str, most: int) -> bytes:
        with self._lock:
            self.reads += 1
        time.sleep(self._delay)
        if self.away:
            raise ObjectStoreAway("gone")
        return read_object(path, most)


def put(senior_id: int, version: int, allowed_hours: float = 2.0) -> WeightRef:
    data = make_artifact(senior_id, allowed_hours)
    path = f"weights/{senior_id}/{version}.anbu"
    write_object(path, data)
    return ref_to(data, senior_id, version, path)


def ref_to(data: bytes, senior_id: int, version: int, path: str) -> WeightRef:
    return WeightRef(senior_id * 10 + version, senior_id, version, path, hashlib.sha256(data).hexdigest(), len(data))


def count(counter: Counter, *labels: str) -> float:
    child: Any = counter.labels(*labels) if labels else counter
    return float(child._value.get())
