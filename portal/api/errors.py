"""Every error under /api/ as problem details (RFC 9457): never a stack trace, never HTML."""

from __future__ import annotations

import math
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, status
from rest_framework.response import Response

from seniors.problems import Problem

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = "5"


def answer_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None (an error of ours) falls through to Django's handler500."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    headers: dict[str, str] = {}
    if isinstance(error, OperationalError | InterfaceError):
        headers["Retry-After"] = RETRY_AFTER_S
        body = problem(503, "store_unavailable", "the database is away; try again")
    elif isinstance(error, Problem):
        body = problem(error.status_code, error.code, str(error.detail), error.errors) | error.members
        headers |= error.headers
        if error.status_code == status.HTTP_503_SERVICE_UNAVAILABLE:
            headers.setdefault("Retry-After", RETRY_AFTER_S)
    elif isinstance(error, exceptions.ValidationError):
        body = problem(400, "invalid", "one or more fields are not right", as_field_errors(error.detail))
    elif isinstance(error, exceptions.APIException):
        body = problem(error.status_code, api_code(error), str(error.detail))
        if isinstance(error, exceptions.Throttled):
            headers["Retry-After"] = str(math.ceil(getattr(error, "wait", None) or 1))
        if header := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = header
    else:
        return None
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def problem(code_status: int, code: str, detail: str, errors: dict[str, Any] | None = None) -> dict[str, Any]:
    title = TITLES.get(code_status, "Error")
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": code_status,
        "detail": detail,
        "code": code,
    }
    return body | {"errors": errors} if errors is not None else body


def api_code(error: exceptions.APIException) -> str:
    """One snake_case word, the same for the same cause whatever DRF calls it."""
    known: dict[type[exceptions.APIException], str] = {
        exceptions.ParseError: "malformed",
        exceptions.NotAuthenticated: "not_authenticated",
        exceptions.AuthenticationFailed: "invalid_credentials",
        exceptions.PermissionDenied: "forbidden",
        exceptions.NotFound: "not_found",
        exceptions.MethodNotAllowed: "method_not_allowed",
        exceptions.UnsupportedMediaType: "unsupported_media_type",
        exceptions.Throttled: "throttled",
    }
    return known.get(type(error), str(error.default_code))


def as_field_errors(detail: Any) -> dict[str, Any]:
    return detail if isinstance(detail, dict) else {"non_field_errors": detail}


TITLES = {
    status.HTTP_400_BAD_REQUEST: "Bad request",
    status.HTTP_401_UNAUTHORIZED: "Unauthorized",
    status.HTTP_403_FORBIDDEN: "Forbidden",
    status.HTTP_404_NOT_FOUND: "Not found",
    status.HTTP_405_METHOD_NOT_ALLOWED: "Method not allowed",
    status.HTTP_409_CONFLICT: "Conflict",
    status.HTTP_413_REQUEST_ENTITY_TOO_LARGE: "Content too large",
    status.HTTP_415_UNSUPPORTED_MEDIA_TYPE: "Unsupported media type",
    status.HTTP_422_UNPROCESSABLE_ENTITY: "Unprocessable content",
    status.HTTP_429_TOO_MANY_REQUESTS: "Too many requests",
    status.HTTP_500_INTERNAL_SERVER_ERROR: "Internal server error",
    status.HTTP_503_SERVICE_UNAVAILABLE: "Service unavailable",
}


def problem_response(code_status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> JsonResponse:
    """The same shape outside of DRF."""
    return JsonResponse(
        problem(code_status, code, detail), status=code_status, headers=headers, content_type=CONTENT_TYPE
    )


@csrf_exempt
def answer_not_found(request: HttpRequest) -> JsonResponse:
    """Any path under /api/ that is none."""
    return problem_response(404, "not_found", "there is nothing at this path; /api/docs/ lists what there is")
