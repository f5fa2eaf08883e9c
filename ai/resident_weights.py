"""Weights that this process holds, parsed: what a tick scores with, verified once a version.

A shard's are one matrix of float32 with a row for each senior. When the wanted version cannot be had, the last good one
serves on: the one that is resident, else the newest of those that were live before. It is counted, and the backend is
told what was refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import structlog
from django.db import connections
from prometheus_client import Counter

from .artifact import ForeignWeights, UnreadableWeights
from .habit_weights import NUMBERS, POPULATION_ROW, read_habit_block, view_habits
from .habits import are_sound
from .weight_store import WeightRef

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .habits import Habits
    from .weight_store import WeightStore

log = structlog.get_logger(__name__)

STAND_INS = Counter(
    "anbu_weights_stand_ins", "Seniors scored by an older version because the active one was not to be had"
)
FORMER_VERSIONS = 3
ACTIVE_RECORD = np.dtype([("senior_id", ">i4"), ("weight_id", ">i4")])
REF_RECORD = np.dtype(
    [("weight_id", ">i4"), ("senior_id", ">i4"), ("version", ">i4"), ("size", ">i4"), ("sha256", "V32")]
)


class ShardWeights:
    """Rows in the order of `senior_ids`. `weight_ids` and `versions` say what a row holds, 0 for nothing yet."""

    def __init__(self, senior_ids: NDArray[np.int64]) -> None:
        self.senior_ids = senior_ids
        self.weight_ids = np.zeros(senior_ids.size, dtype=np.int64)
        self.versions = np.zeros(senior_ids.size, dtype=np.int64)
        # who has no weights yet is judged as people in general are
        self._matrix = np.tile(POPULATION_ROW, (senior_ids.size, 1))

    @property
    def habits(self) -> Habits:
        return view_habits(self._matrix)

    def align(self, senior_ids: NDArray[np.int64]) -> ShardWeights:
        """The same weights for these seniors; who is new has none yet."""
        if np.array_equal(senior_ids, self.senior_ids):
            return self
        aligned = ShardWeights(senior_ids)
        known = np.isin(senior_ids, self.senior_ids)
        rows = np.searchsorted(self.senior_ids, senior_ids[known])
        aligned.weight_ids[known], aligned.versions[known] = self.weight_ids[rows], self.versions[rows]
        aligned._matrix[known] = self._matrix[rows]
        return aligned

    def put(self, refs: Sequence[WeightRef], blocks: Sequence[memoryview]) -> list[WeightRef]:
        """Takes the numbers that make sense; returns the refs whose do not."""
        numbers = np.frombuffer(b"".join(blocks), dtype="<f4").reshape(len(blocks), NUMBERS)
        sound = are_sound(view_habits(numbers))
        rows = np.searchsorted(self.senior_ids, [ref.senior_id for ref in refs])[sound]
        self._matrix[rows] = numbers[sound]
        self.weight_ids[rows] = np.array([ref.weight_id for ref in refs])[sound]
        self.versions[rows] = np.array([ref.version for ref in refs])[sound]
        return [refs[place] for place in np.flatnonzero(~sound).tolist()]


class ResidentWeights:
    def __init__(self, store: WeightStore) -> None:
        self._store = store
        self._shards: dict[int, ShardWeights] = {}

    def load(
        self, shard: int, senior_ids: NDArray[np.int64], active: NDArray[np.int64]
    ) -> tuple[ShardWeights, dict[int, str]]:
        """What serves these seniors, of whom `active` are the weight_ids that are live, 0 for none.

        Also why weights were refused, by weight_id, of those that were asked for this time.
        """
        weights = self._shards.get(shard)
        weights = self._shards[shard] = weights.align(senior_ids) if weights else ShardWeights(senior_ids)
        refused: dict[int, str] = {}
        stale = (active != weights.weight_ids) & (active != 0)
        if stale.any():
            self._take(weights, read_refs(active[stale].tolist()), refused)
            bare = np.isin(active, list(refused)) & (weights.weight_ids == 0)
            for former in read_former_refs(senior_ids[bare].tolist()) if bare.any() else ():
                if weights.weight_ids[np.searchsorted(senior_ids, former.senior_id)] == 0:
                    self._take(weights, [former], {})
            self._note_stand_ins(weights, active)
        return weights, refused

    def _take(self, weights: ShardWeights, refs: Sequence[WeightRef], refused: dict[int, str]) -> None:
        fetched = self._store.fetch(refs)
        refused |= fetched.refused
        taken, blocks = [], []
        for ref in refs:
            data = fetched.data.get(ref.weight_id)
            if data is None:
                continue
            try:
                blocks.append(read_habit_block(data, ref.senior_id))
            except (UnreadableWeights, ForeignWeights) as error:
                # the bytes are those that were registered: only another version of this program could read them
                refused[ref.weight_id] = str(error)
                log.error("weights_unreadable", senior_id=ref.senior_id, weight_id=ref.weight_id, error=str(error))
            else:
                taken.append(ref)
        if taken:
            unsound = weights.put(taken, blocks)
            refused |= {ref.weight_id: "numbers that cannot have been learned from a life" for ref in unsound}

    def _note_stand_ins(self, weights: ShardWeights, active: NDArray[np.int64]) -> None:
        stand_ins = int(((active != weights.weight_ids) & (active != 0) & (weights.weight_ids != 0)).sum())
        if stand_ins:
            STAND_INS.inc(stand_ins)
            log.warning("weights_stand_in", seniors=stand_ins)


def read_active(shard: int, shards: int, senior_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The weight_id that is live for each of the shard's seniors, 0 for none, by one SELECT."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            """
            SELECT string_agg(int4send(senior_id) || int4send(weight_id), ''::bytea) FROM ai_weights
            WHERE is_active AND mod(senior_id, %s) = %s
            """,
            [shards, shard],
        )
        records = np.frombuffer(cursor.fetchone()[0] or b"", ACTIVE_RECORD)
    records = records[np.isin(records["senior_id"], senior_ids)]
    active = np.zeros(senior_ids.size, dtype=np.int64)
    active[np.searchsorted(senior_ids, records["senior_id"].astype(np.int64))] = records["weight_id"]
    return active


def read_refs(weight_ids: list[int]) -> list[WeightRef]:
    """What has to be known to fetch these versions; their paths are looked up by who needs them."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            """
            SELECT string_agg(int4send(weight_id) || int4send(senior_id) || int4send(version) || int4send(size)
                              || decode(sha256, 'hex'), ''::bytea)
            FROM ai_weights WHERE weight_id = ANY(%s)
            """,
            [weight_ids],
        )
        records = np.frombuffer(cursor.fetchone()[0] or b"", REF_RECORD)
    digests = records["sha256"].tobytes().hex()
    return [
        WeightRef(weight_id, senior_id, version, "", digests[64 * place : 64 * place + 64], size)
        for place, (weight_id, senior_id, version, size) in enumerate(
            zip(*(records[name].tolist() for name in ("weight_id", "senior_id", "version", "size")), strict=True)
        )
    ]


def read_former_refs(senior_ids: list[int]) -> list[WeightRef]:
    """Versions that were live before the present one, the last live first, a few of each senior."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            """
            SELECT weight_id, senior_id, version, storage_path, sha256, size FROM (
                SELECT w.*, row_number() OVER (PARTITION BY w.senior_id ORDER BY max(a.activated_at) DESC) AS age
                FROM ai_weights w JOIN weight_activations a USING (weight_id)
                WHERE w.senior_id = ANY(%s) AND NOT w.is_active GROUP BY w.weight_id
            ) AS former WHERE age <= %s ORDER BY senior_id, age
            """,
            [senior_ids, FORMER_VERSIONS],
        )
        return [WeightRef(*row) for row in cursor.fetchall()]
