"""Session log-in for the API: 401 when there is none, and a code of its own when the CSRF token is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied

from seniors.problems import Problem

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema
    from rest_framework.request import Request


class StaffSessionAuthentication(SessionAuthentication):
    def authenticate_header(self, request: Request) -> str:
        return "Session"

    def enforce_csrf(self, request: Request) -> None:
        try:
            # Django's own request: the check must not parse the body, which may be none that a parser of ours takes
            super().enforce_csrf(request._request)  # type: ignore[arg-type]
        except PermissionDenied as error:
            raise Problem(403, "csrf_failed", "send the csrftoken cookie's value as X-CSRFToken") from error


class StaffSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its registration is untyped
    """Shows the scheme in the OpenAPI schema."""

    target_class = StaffSessionAuthentication
    name = "StaffSession"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "Cookie of a log-in; unsafe methods need the header X-CSRFToken too",
        }
