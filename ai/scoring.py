"""One scoring tick of a shard: read what is new, judge every senior, publish emergencies, report risks.

The worker never writes a database. Emergencies go first and by Redis, so neither a slow backend nor a dead one delays
them; both they and the risks are said again while they are true, so nothing said once needs to arrive.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import structlog
from prometheus_client import Counter, Gauge, Histogram

from .activity import HUB_STATES, ONLINE, read_batches, read_horizon, read_news, read_past, read_roster
from .backend_client import BackendClient, BackendError
from .detector import LEVELS
from .emergency_entries import make_risk, publish_emergencies
from .features import to_local
from .findings import NO_DATA, OBSTACLES, RAISED, Cases, Verdicts, describe_raised, describe_rows, judge_cases
from .resident_weights import ResidentWeights, read_active
from .shard_state import ShardLease, ShardState, take_lease
from .tracks import take_in

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from redis import Redis

    from .activity import Horizon, News, Roster
    from .resident_weights import ShardWeights

log = structlog.get_logger(__name__)

REPEAT_SECONDS = 60.0
SETTLE_SECONDS = 30.0
# The minute's reports of a shard are spread over so many ticks.
REPORT_TICKS = 12
TICK_APART = REPEAT_SECONDS / REPORT_TICKS
BACKEND_AWAY_SECONDS = 15.0
PROBLEMS_A_TICK = 5

TICK_SECONDS = Histogram("anbu_scoring_tick_seconds", "Time of one scoring tick of a shard")
PUBLISHED = Counter("anbu_emergencies_published", "Emergencies written to the stream, repeats too")
SENIORS = Gauge("anbu_scored_seniors", "Seniors by level at the last tick", ["shard", "level"])

OBSTACLE_OF_HUB = np.array([OBSTACLES.index("no_hub" if not place else f"hub_{state}") if place != ONLINE else 0
                            for place, state in enumerate(HUB_STATES)])  # fmt: skip
CATCHING_UP, LOADING = (OBSTACLES.index(name) for name in ("hub_catching_up", "weights_loading"))


class Tick(NamedTuple):
    """What a tick did, for its log line."""

    seniors: int
    emergencies: int
    reported: int
    rebuilt: bool


class Scorer:
    """Scores shards with the weights and the states that its process holds."""

    def __init__(self, redis: Redis, weights: ResidentWeights, backend: BackendClient) -> None:
        self._redis = redis
        self._weights = weights
        self._backend = backend
        self._states: dict[int, tuple[int, ShardState]] = {}
        self._backend_away_until = 0.0

    def score_shard(self, shard: int, shards: int) -> Tick | None:
        """One tick; None when another worker has the shard. Raises LeaseLost, redis and database errors."""
        lease = take_lease(self._redis, shard)
        if lease is None:
            return None
        try:
            with TICK_SECONDS.time():
                return self._tick(lease, shard, shards)
        finally:
            lease.release()

    def _tick(self, lease: ShardLease, shard: int, shards: int) -> Tick:
        horizon = read_horizon()
        state, roster, rebuilt = self._bring_up(lease, shard, shards, horizon)
        active = read_active(shard, shards, state.senior_ids)
        weights, refused = self._weights.load(shard, state.senior_ids, active)
        now = float(to_local(np.array(horizon.now)))
        cases = make_cases(state, roster, weights, active, horizon.now)
        verdicts = judge_cases(now, cases)
        lease.renew()
        published = self._publish(state, cases, verdicts, horizon.now)
        reported = self._report(state, cases, verdicts, horizon.now)
        self._report_refused(refused)
        lease.write_state(state)
        self._states[shard] = (lease.fence, state)
        count_levels(shard, verdicts.levels)
        return Tick(state.senior_ids.size, published, reported, rebuilt)

    def _bring_up(
        self, lease: ShardLease, shard: int, shards: int, horizon: Horizon
    ) -> tuple[ShardState, Roster, bool]:
        """The state as of now, and whether it had to be built anew."""
        fence, resident = self._states.pop(shard, (0, None))
        state = resident if resident is not None and fence == lease.read_fence() else lease.read_state(shards)
        if state is None or state.shards != shards or state.txid > horizon.txid:
            roster = read_roster(shard, shards)
            state = rebuild_state(roster, shards, horizon.now)
            lease.renew()
            rebuilt = True
        else:
            # the batches first: a hub whose batch is seen is then also on the roster
            batches = read_batches(state.txid)
            roster = read_roster(shard, shards)
            state.align(roster.senior_ids)
            take_in_news(state, roster, read_news(batches, roster), horizon.now)
            rebuilt = False
        state.txid = horizon.txid
        return state, roster, rebuilt

    def _publish(self, state: ShardState, cases: Cases, verdicts: Verdicts, now: float) -> int:
        book = state.book
        is_due = (book["episode"] != verdicts.starts) | (now - book["published_at"] >= REPEAT_SECONDS)
        due = verdicts.raised & is_due
        local_now = float(to_local(np.array(now)))
        for what in range(RAISED):
            rows = np.flatnonzero(due[:, what])
            if rows.size:
                publish_emergencies(self._redis, describe_raised(local_now, cases, verdicts, rows, what), now)
                book["episode"][rows, what] = verdicts.starts[rows, what]
                book["published_at"][rows, what] = now
                PUBLISHED.inc(rows.size)
        return int(due.sum())

    def _report(self, state: ShardState, cases: Cases, verdicts: Verdicts, now: float) -> int:
        book = state.book
        is_due = (book["gist"] != verdicts.gists) | (now - book["reported_at"] >= REPEAT_SECONDS)
        rows = np.flatnonzero(is_due)
        if not rows.size or time.monotonic() < self._backend_away_until:
            return 0
        findings = describe_rows(float(to_local(np.array(now))), cases, verdicts, rows)
        try:
            self._backend.report_risks([make_risk(finding, now) for finding in findings])
        except BackendError as error:
            self._note_absence(error)
            log.warning("risks_not_reported", seniors=rows.size, error=str(error), again=error.again)
            return 0
        book["gist"][rows] = verdicts.gists[rows]
        # each senior has a tick of the minute, so that those who were first reported together do not stay together
        is_new = book["reported_at"][rows] == 0
        book["reported_at"][rows] = now - np.where(is_new, cases.senior_ids[rows] % REPORT_TICKS * TICK_APART, 0)
        return int(rows.size)

    def _report_refused(self, refused: dict[int, str]) -> None:
        """The backend tells the operators. What does not get through is said again when it is refused again."""
        for weight_id, reason in list(refused.items())[:PROBLEMS_A_TICK]:
            if time.monotonic() < self._backend_away_until:
                return
            try:
                self._backend.report_problem(weight_id, reason)
            except BackendError as error:
                self._note_absence(error)
                log.warning("weight_problem_not_reported", weight_id=weight_id, error=str(error))

    def _note_absence(self, error: BackendError) -> None:
        """A backend that does not even answer costs each call its time-out: it is left alone for a few ticks."""
        if error.status is None:
            self._backend_away_until = time.monotonic() + BACKEND_AWAY_SECONDS


def rebuild_state(roster: Roster, shards: int, now: float) -> ShardState:
    """A fresh state from the sensor events themselves. Its txid is the caller's to set."""
    state = ShardState.empty(shards, roster.senior_ids)
    take_in(state.tracks, read_past(roster))
    state.book["settled_at"] = now + SETTLE_SECONDS
    state.book["was_online"] = roster.hub_states == ONLINE
    return state


def take_in_news(state: ShardState, roster: Roster, news: News, now: float) -> None:
    """Brings the state up to now: activity, and which hubs still deliver what they kept while they were away."""
    take_in(state.tracks, news.heard)
    settled_at = state.book["settled_at"]
    np.maximum.at(settled_at, news.late_rows, news.late_at + SETTLE_SECONDS)
    online = roster.hub_states == ONLINE
    back = online & ~state.book["was_online"]
    settled_at[back] = np.maximum(settled_at[back], now + SETTLE_SECONDS)
    state.book["was_online"] = online


def make_cases(
    state: ShardState, roster: Roster, weights: ShardWeights, active: NDArray[np.int64], now: float
) -> Cases:
    catching_up = np.where(now < state.book["settled_at"], CATCHING_UP, 0)
    obstacles = np.where(roster.hub_states == ONLINE, catching_up, OBSTACLE_OF_HUB[roster.hub_states])
    bare = (obstacles == 0) & (weights.weight_ids == 0)
    # of whom nothing is known yet, the habits of people in general are held against
    obstacles[bare] = np.where(active[bare] == 0, 0, LOADING)
    return Cases(
        senior_ids=state.senior_ids,
        tracks=state.tracks,
        habits=weights.habits,
        obstacles=obstacles,
        weight_ids=weights.weight_ids,
        versions=weights.versions,
    )


def count_levels(shard: int, levels: NDArray[np.int64]) -> None:
    counts = np.bincount(levels, minlength=NO_DATA + 1)
    for level, name in enumerate((*LEVELS, "no_data")):
        SENIORS.labels(str(shard), name).set(int(counts[level]))
