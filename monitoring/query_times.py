"""Times in the query of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seniors.problems import Problem

from .ingest import parse_timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from rest_framework.request import Request


def query_time(request: Request, name: str) -> datetime:
    """The time with an offset that the query names. Raises Problem where it is none."""
    moment = parse_timestamp(request.query_params.get(name, "").replace(" ", "+"))
    if moment is None:
        raise Problem(400, "invalid", f"`{name}` is a time with an offset, as in RFC 3339", errors={name: ["invalid"]})
    return moment
