"""Django's handler500: a store that is away is a 503 that says when to try again, anything else a plain 500."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError
from django.shortcuts import render
from redis.exceptions import RedisError

from portal.api.errors import RETRY_AFTER_S, problem_response

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def answer_server_error(request: HttpRequest) -> HttpResponse:
    outage = isinstance(sys.exc_info()[1], OperationalError | InterfaceError | RedisError)
    status, headers = (503, {"Retry-After": RETRY_AFTER_S}) if outage else (500, {})
    if request.path.startswith("/api/"):
        if outage:
            return problem_response(503, "store_unavailable", "a store is away; try again", headers)
        return problem_response(500, "internal_error", "an error of ours; it has been logged")
    page = render(request, "portal/unavailable.html", {"outage": outage}, status=status)
    for name, value in headers.items():
        page[name] = value
    return page
