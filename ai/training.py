"""Training: read, fit, upload, apply for registration. Writes the object store, never a database."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from django.db import connections
from joblib import Parallel, delayed

from .activity import read_life
from .backend_client import BackendClient, BackendError
from .calibration import TooLittleHistory, fit_habits
from .excluded_spans import leave_out_days, read_excluded_spans
from .features import Life, to_epoch, to_local
from .habit_weights import pack_habits
from .object_store import ObjectStoreAway, write_object

if TYPE_CHECKING:
    from collections.abc import Sequence

log = structlog.get_logger(__name__)

WINDOW_DAYS = 60
SENIORS_AT_ONCE = 10


class Outcome(NamedTuple):
    """`status` is the registry's active, pending or rejected; `skipped` (never by itself) or `failed` (again later)."""

    senior_id: int
    status: str
    reason: str
    version: int | None = None


def train_run(senior_ids: Sequence[int], run_id: int, backend: BackendClient) -> list[Outcome]:
    """Trains the seniors of a run, a few at a time, and says after each few how far it is."""
    outcomes: list[Outcome] = []
    for start in range(0, len(senior_ids), SENIORS_AT_ONCE):
        few = senior_ids[start : start + SENIORS_AT_ONCE]
        report_progress(run_id, [{"senior_id": senior_id, "status": "running"} for senior_id in few], backend)
        done = train_seniors(few, backend)
        report_progress(run_id, [outcome._asdict() for outcome in done], backend)
        outcomes += done
    return outcomes


def report_progress(run_id: int, results: list[dict[str, Any]], backend: BackendClient) -> None:
    """Progress is for people who look: a backend that is away does not hold up the training."""
    try:
        backend.report_training(run_id, results)
    except BackendError as error:
        log.warning("training_not_reported", run=run_id, seniors=len(results), error=str(error))


def train_seniors(senior_ids: Sequence[int], backend: BackendClient) -> list[Outcome]:
    """Trains each senior; one's failure does not touch the others.

    Events are read one senior after the other. Fits and uploads run in threads: a fit is some 50 ms of numpy (fifty of
    them took 2.4 s on two threads, 3.6 s on two processes), and a Celery child may not have processes of its own.
    """
    hubs = read_hubs(senior_ids)
    excluded = read_excluded_spans(senior_ids, WINDOW_DAYS)
    histories = []
    for senior_id in senior_ids:
        life = read_life(hubs.get(senior_id, []), WINDOW_DAYS)
        if senior_id in excluded:
            life = leave_out_days(life, to_local(excluded[senior_id]))
        histories.append((senior_id, life))
    outcomes: list[Outcome] = Parallel(n_jobs=os.cpu_count(), prefer="threads")(
        delayed(train_senior)(senior_id, life, backend) for senior_id, life in histories
    )
    for outcome in outcomes:
        log.info("weights_trained", **outcome._asdict())
    return outcomes


def train_senior(senior_id: int, life: Life, backend: BackendClient) -> Outcome:
    """Fits one senior's activity and brings the weights to the registry."""
    try:
        fitted = fit_habits(life)
        trained_from, trained_to = (
            datetime.fromtimestamp(float(at), UTC).isoformat() for at in to_epoch(life.times[[0, -1]])
        )
        data = pack_habits(senior_id, fitted, trained_from, trained_to)
        sha256 = hashlib.sha256(data).hexdigest()
        path = f"weights/{senior_id}/{sha256[:16]}.anbu"
        write_object(path, data)
        answer = backend.register_weights(
            {
                "senior_id": senior_id,
                "storage_path": path,
                "sha256": sha256,
                "size": len(data),
                "trained_from": trained_from,
                "trained_to": trained_to,
                "metrics": fitted.metrics,
            }
        )
    except TooLittleHistory as error:
        return Outcome(senior_id, "skipped", str(error))
    except ObjectStoreAway as error:
        return Outcome(senior_id, "failed", f"the object store is away: {error}")
    except BackendError as error:
        return Outcome(senior_id, "failed" if error.again else "skipped", str(error))
    return Outcome(senior_id, str(answer["status"]), str(answer["reason"]), int(answer["version"]))


def read_trainable_seniors() -> list[int]:
    """Every senior who has or had a hub."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT DISTINCT senior_id FROM iot_hubs ORDER BY senior_id")
        return [row[0] for row in cursor.fetchall()]


def read_hubs(senior_ids: Sequence[int]) -> dict[int, list[int]]:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT senior_id, array_agg(hub_id) FROM iot_hubs WHERE senior_id = ANY(%s) GROUP BY senior_id",
            [list(senior_ids)],
        )
        return dict(cursor.fetchall())
