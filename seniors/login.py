"""Log-in and log-out by any door: the page and the API ask here."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import auth
from django.db import transaction
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from .access_log import record_access
from .models import LoginFailure, Staff
from .revocations import revoke_session

if TYPE_CHECKING:
    from django.http import HttpRequest

WINDOW = timedelta(minutes=5)
FAILURES_OF_PERSON = 5
FAILURES_OF_ADDRESS = 30


class InvalidCredentials(Exception):
    """No such person, a wrong password, or an account out of use: not told apart."""


class SecondFactorRequired(Exception):
    """The password was right; the account asks for a code too."""


class TooManyFailures(Exception):
    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"wait {retry_after_s} s")
        self.retry_after_s = retry_after_s


def attempt_login(request: HttpRequest, email: str, password: str, code: str | None = None) -> Staff:
    """Logs the person in and starts a session. Raises InvalidCredentials, SecondFactorRequired, TooManyFailures.

    An unknown e-mail costs the same time as a wrong password: Django hashes either way.
    """
    address = request.META.get("REMOTE_ADDR") or None
    digest = hashlib.sha256(email.strip().lower().encode()).hexdigest()
    _refuse_after_failures(digest, address)
    staff = auth.authenticate(request, username=email.strip().lower(), password=password)
    if not isinstance(staff, Staff):
        LoginFailure.objects.create(email_digest=digest, address=address)
        raise InvalidCredentials
    if not _second_factor_holds(staff, code):
        if code:
            LoginFailure.objects.create(email_digest=digest, address=address)
        raise SecondFactorRequired
    LoginFailure.objects.filter(email_digest=digest, address=address).delete()
    auth.login(request, staff, backend="django.contrib.auth.backends.ModelBackend")
    record_access(staff, "login", None, address=address)
    return staff


def end_session(request: HttpRequest) -> None:
    """Logs out; the session's sockets close within a second, in whichever process they are."""
    with transaction.atomic():  # whoever hears of the revocation finds no session
        revoke_session(request.session.session_key)
        auth.logout(request)


def _refuse_after_failures(digest: str, address: str | None) -> None:
    recent = LoginFailure.objects.filter(address=address, failed_at__gt=Now() - WINDOW)
    if recent.filter(email_digest=digest).count() >= FAILURES_OF_PERSON or recent.count() >= FAILURES_OF_ADDRESS:
        raise TooManyFailures(int(WINDOW.total_seconds()))


def _second_factor_holds(staff: Staff, code: str | None) -> bool:
    """Asks ANBU_SECOND_FACTOR, a callable (staff, code) -> True, False, or None for an account without one."""
    if not settings.ANBU_SECOND_FACTOR:
        return True
    answer: bool | None = import_string(settings.ANBU_SECOND_FACTOR)(staff, code)
    return answer is not False
