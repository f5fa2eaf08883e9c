"""Compression, retention and the hourly aggregate of `sensor_logs`; a plain view of the same name without TimescaleDB."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

from monitoring.hypertable import add_policies, remove_policies

TIMESERIES = "timeseries"


def forward(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.alias == TIMESERIES:
        add_policies(schema_editor.connection, schema_editor.execute)


def backward(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.alias == TIMESERIES:
        remove_policies(schema_editor.connection, schema_editor.execute)


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial")]

    operations = [
        migrations.RunPython(forward, backward, hints={"database": TIMESERIES}),
        migrations.CreateModel(
            name="SensorHour",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "bucket", "hub_id", "sensor_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("bucket", models.DateTimeField()),
                ("hub_id", models.IntegerField()),
                ("sensor_id", models.CharField(max_length=64)),
                ("events", models.BigIntegerField()),
            ],
            options={"db_table": "sensor_hours", "managed": False},
        ),
    ]
