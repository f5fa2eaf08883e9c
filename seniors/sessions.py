"""Who a session cookie stands for, outside of Django's request cycle (sockets)."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie

from .models import Staff


def session_key_of(cookie_header: str) -> str | None:
    """The session key in a Cookie header, read as Django reads a request's; or None."""
    return parse_cookie(cookie_header).get(settings.SESSION_COOKIE_NAME) or None


def staff_of_session(session_key: str) -> Staff | None:
    """The active person logged in by that session, checked as Django checks a request; None for nobody.

    Raises django.db.Error when the database is away.
    """
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    return user if isinstance(user, Staff) and user.is_active else None
