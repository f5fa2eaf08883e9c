"""The one error shape of the API: problem details, RFC 9457."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import APIException


class Problem(APIException):
    """An answer that says what was wrong: `code` for programs, `detail` for people, `errors` by field."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        errors: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail or code, code)
        self.status_code = status
        self.code = code
        self.errors = errors
        self.headers = headers or {}
        self.members = members
