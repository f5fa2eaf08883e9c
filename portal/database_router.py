"""Which table lives in which database: `sensor_logs`, `sensor_hours` and `ingest_batches` in the time-series one,
all else in the other."""

from __future__ import annotations

from typing import Any

TIMESERIES = "timeseries"
TIMESERIES_MODELS = {("monitoring", "sensorlog"), ("monitoring", "ingestbatch"), ("monitoring", "sensorhour")}


class TimeSeriesRouter:
    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return TIMESERIES if self._is_timeseries(model._meta.app_label, model._meta.model_name) else None

    db_for_write = db_for_read

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool | None:
        return self.db_for_read(one.__class__) == self.db_for_read(other.__class__) or None

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool:
        """A migration step that names no model says by its hint `database` where it runs (silent: the default)."""
        if model_name is None:
            return bool(db == hints.get("database", "default"))
        return (db == TIMESERIES) == self._is_timeseries(app_label, model_name)

    @staticmethod
    def _is_timeseries(app_label: str, model_name: str | None) -> bool:
        return (app_label, model_name) in TIMESERIES_MODELS
