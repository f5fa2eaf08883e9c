"""What the ingest path lets in under load: a rate for each hub, and room for large bodies. Values in, verdicts out."""

from __future__ import annotations

RATE = 20.0  # requests a second and hub
BURST = 60.0
MAX_HUBS = 100_000
SMALL_BYTES = 4096  # a request of at most this is refused by its own hub's limit alone
LARGE_AT_ONCE = 48  # larger bodies in memory before they are judged; others wait unread
MAX_WAITING_EVENTS = 50_000  # beyond, large batches are refused


class HubRates:
    """A token bucket for each hub, in this process. `now` is a monotonic time in seconds."""

    def __init__(self, rate: float = RATE, burst: float = BURST, max_hubs: int = MAX_HUBS) -> None:
        self._rate = rate
        self._burst = burst
        self._max_hubs = max_hubs
        self._buckets: dict[int, tuple[float, float]] = {}  # hub_id -> (tokens, when)

    def admit(self, hub_id: int, now: float) -> bool:
        """Takes a token of the hub, if there is one."""
        tokens, when = self._buckets.pop(hub_id, (self._burst, now))
        tokens = min(self._burst, tokens + (now - when) * self._rate)
        admitted = tokens >= 1.0
        if len(self._buckets) >= self._max_hubs:
            del self._buckets[next(iter(self._buckets))]  # the one that was quiet for longest
        self._buckets[hub_id] = (tokens - 1.0 if admitted else tokens, now)
        return admitted
