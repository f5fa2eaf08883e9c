"""Gives each request an id, binds it to every log line and answers it in `X-Request-ID`."""

from __future__ import annotations

import re
import time
import uuid
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

log = structlog.get_logger("portal.request")
ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
REQUESTS = Counter("anbu_http_requests_total", "Requests by method and status", ["method", "status"])
SECONDS = Histogram("anbu_http_request_seconds", "Time to answer a request")


class RequestLogMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if ACCEPTABLE_ID.fullmatch(given) else uuid.uuid4().hex
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            took = time.perf_counter() - began
            SECONDS.observe(took)
            REQUESTS.labels(request.method or "", str(response.status_code)).inc()
            if response.status_code >= 500 or not request.path.startswith(("/static/", "/healthz", "/readyz")):
                # the path alone: a query string may hold a person's name
                log.info(
                    "request",
                    method=request.method,
                    path=request.path,
                    status=response.status_code,
                    ms=round(took * 1000, 1),
                )
        response["X-Request-ID"] = request_id
        return response
