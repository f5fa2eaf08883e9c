"""psycopg's COPY into `sensor_logs`, a commit for each batch: what the database and its driver can do at best.

    python -m benchmarks.copy_peer BATCH BATCHES HUB_ID

No HTTP, no key, no JSON, no duplicates. Rows are packed from Python values as binary COPY, by the product's own
packing. JSON on standard output: seconds and the CPU of this process.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg

from monitoring.copy_rows import COLUMNS, HEADER, TRAILER, pack_rows

COPY = f"COPY sensor_logs ({COLUMNS}) FROM STDIN (FORMAT binary)"


class Row(NamedTuple):
    timestamp: datetime
    sensor_id: str
    event_content: str
    sensor_value: bool


def make_batches(batch: int, batches: int) -> list[list[Row]]:
    start = datetime.now(UTC) - timedelta(days=20)
    return [
        [
            Row(
                start + timedelta(milliseconds=number * batch + index),
                f"room_{index % 7}_motion",
                "motion",
                index % 2 == 0,
            )
            for index in range(batch)
        ]
        for number in range(batches)
    ]


def main(batch: int, batches: int, hub_id: int) -> None:
    prepared = make_batches(batch, batches)
    with psycopg.connect(os.environ["TIMESERIES_URL"], autocommit=True) as connection:
        cpu, began = time.process_time(), time.perf_counter()
        for rows in prepared:
            with connection.cursor().copy(COPY) as copy:
                copy.write(HEADER + pack_rows(hub_id, rows).rows + TRAILER)
        figures = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
