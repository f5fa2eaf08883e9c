"""Calls of the API by a person who has logged in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.test import Client

if TYPE_CHECKING:
    from seniors.models import Staff


def call(by: Staff, method: str, path: str, body: Any = None) -> Any:
    """The answer to `method` on `/api/v1/{path}`, `body` sent as JSON."""
    client = Client()
    client.force_login(by)
    given = {} if body is None else {"data": body, "content_type": "application/json"}
    return getattr(client, method)(f"/api/v1/{path}", **given)
