"""Cutting time into buckets that start where the day starts in Korea."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import DateTimeField, Func

from monitoring.hypertable import has_timescaledb

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

ZONE = "Asia/Seoul"
SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=31)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_WIDTH = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
# A Monday at midnight in Korea: days start at midnight, weeks on Monday. It is time_bucket's own origin too.
_ORIGIN = "2000-01-03"


class BucketUnreadable(ValueError):
    """The text names no bucket width; the message says which texts do."""


def parse_width(text: str) -> timedelta:
    """Return the width named by `15m`, `1h`, `1d` and the like (1 minute to 31 days)."""
    match = _WIDTH.fullmatch(text)
    width = int(match[1]) * _UNITS[match[2]] if match else timedelta(0)
    if not SHORTEST <= width <= LONGEST:
        raise BucketUnreadable("give a whole number and m, h or d, between 1m and 31d, for example 1h")
    return width


class TimeBucket(Func):
    """Start of the bucket of `width` that holds a time, cut in Asia/Seoul.

    TimescaleDB's `time_bucket(width, ts, 'Asia/Seoul')` where the extension is installed, PostgreSQL's `date_bin` over
    the local time where it is not; both count from the same Monday.
    """

    output_field = DateTimeField()

    def __init__(self, width: timedelta, expression: Any, **extra: Any) -> None:
        self._seconds = int(width.total_seconds())
        super().__init__(expression, **extra)

    def as_sql(
        self,
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **context: Any,
    ) -> tuple[str, Any]:
        width = f"INTERVAL '{self._seconds} seconds'"
        if has_timescaledb(connection):
            template = f"time_bucket({width}, %(expressions)s, '{ZONE}')"
        else:
            local = f"%(expressions)s AT TIME ZONE '{ZONE}'"
            template = f"(date_bin({width}, {local}, TIMESTAMP '{_ORIGIN}') AT TIME ZONE '{ZONE}')"
        return super().as_sql(compiler, connection, function, template, arg_joiner, **context)
