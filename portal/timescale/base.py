"""django-timescaledb's backend, minus the two habits that cost us data or a start.

The stock backend drops a composite primary key when it makes a hypertable (so the same event is stored twice), and
fails where the extension is missing. Ours keeps a key that contains the time column, creates the extension only where
it is both available and preloaded (creating it unloaded ends the connection), and otherwise leaves a plain table.
"""

from __future__ import annotations

from typing import Any

from django.db import ProgrammingError
from timescale.db.backends.postgresql import base_impl
from timescale.db.backends.postgresql.schema import TimescaleSchemaEditor
from timescale.db.models.fields import TimescaleDateTimeField

AVAILABLE = "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"
INSTALLED = "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"
PRELOADED = "SELECT current_setting('timescaledb.max_background_workers', true) IS NOT NULL"


def has_timescaledb(connection: Any) -> bool:
    """Whether the extension is installed in this database."""
    with connection.cursor() as cursor:
        cursor.execute(INSTALLED)
        return cursor.fetchone() is not None


class SchemaEditor(TimescaleSchemaEditor):  # type: ignore[misc]  # the library has no types
    # the key's index is the only one: a second over the time alone would cost every insert and serve no query
    sql_add_hypertable = TimescaleSchemaEditor.sql_add_hypertable.replace(
        "migrate_data =>", "create_default_indexes => false, migrate_data =>"
    )

    def _create_hypertable(self, model: Any, field: Any, should_migrate: bool = False) -> None:
        if has_timescaledb(self.connection):
            super()._create_hypertable(model, field, should_migrate)

    def _set_chunk_time_interval(self, model: Any, field: Any) -> None:
        if has_timescaledb(self.connection):
            super()._set_chunk_time_interval(model, field)

    def _drop_primary_key(self, model: Any) -> None:
        columns = {field.column: field for field in model._meta.pk_fields}
        if not any(isinstance(field, TimescaleDateTimeField) for field in columns.values()):
            super()._drop_primary_key(model)


class DatabaseWrapper(base_impl.backend()):  # type: ignore[misc]  # chosen at run time by the library
    SchemaEditorClass = SchemaEditor

    def prepare_database(self) -> None:
        super().prepare_database()
        with self.cursor() as cursor:
            cursor.execute(AVAILABLE)
            if cursor.fetchone() is None:
                return
            cursor.execute(INSTALLED)
            if cursor.fetchone() is not None:
                return
            cursor.execute(PRELOADED)
            if not cursor.fetchone()[0]:
                return
            try:
                cursor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
            except ProgrammingError as error:
                raise ProgrammingError(
                    "TimescaleDB is available but this role may not create it: "
                    "run `CREATE EXTENSION timescaledb` once as the database's owner"
                ) from error
