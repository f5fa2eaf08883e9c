"""Session log-in for the API: 401 when there is none, and a code of its own when the CSRF token is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied

from seniors.problems import Problem

if TYPE_CHECKING:
    from rest_framework.request import Request


class StaffSessionAuthentication(SessionAuthentication):
    def authenticate_header(self, request: Request) -> str:
        return "Session"

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise Problem(403, "csrf_failed", "send the csrftoken cookie's value as X-CSRFToken") from error
