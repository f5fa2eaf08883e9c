"""What the AI workers' database role may read: columns by table, in each database. Pure data.

Nothing here tells who somebody is: no names, addresses, health information, passwords or key hashes. A table that is
not named stays closed.
"""

from __future__ import annotations

from typing import Final

ALL_COLUMNS: Final = ("*",)

READER_GRANTS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "default": {
        "seniors": ("senior_id", "created_at"),
        "iot_hubs": ("hub_id", "senior_id", "status", "registered_at", "deregistered_at", "last_seen_at"),
        "ai_weights": ALL_COLUMNS,
        "weight_activations": ("id", "weight_id", "senior_id", "activated_at"),
        "absences": ("absence_id", "senior_id", "kind", "starts_at", "ends_at", "ended_at"),
        "emergency_logs": (
            "log_id",
            "senior_id",
            "event_type",
            "occurred_at",
            "detected_at",
            "resolved_at",
            "outcome",
            "test",
            "severity",
            "weight_id",
        ),
    },
    "timeseries": {
        "sensor_logs": ALL_COLUMNS,
        "ingest_batches": ALL_COLUMNS,
    },
}

# Keys that the workers may read and write in Valkey: their queues with the books of unacknowledged tasks and the
# bindings that Celery keeps, cached weights, scoring state.
VALKEY_KEYS: Final = (
    "scoring*",
    "training*",
    "unacked.scoring*",
    "unacked.training*",
    "_kombu.binding.scoring*",
    "_kombu.binding.training*",
    "_kombu.binding_permanent.scoring*",
    "_kombu.binding_permanent.training*",
    "weights:*",
    "score:*",
)
# The stream that they may add to, and do nothing else with.
VALKEY_STREAM: Final = "emergencies"
