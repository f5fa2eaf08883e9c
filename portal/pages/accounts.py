"""Accounts: log-in, password reset, language, and the way from `/` to everybody's own first page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from seniors.login import InvalidCredentials, SecondFactorRequired, TooManyFailures, attempt_login
from seniors.models import Staff
from seniors.revocations import revoke_staff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.forms import Form
    from django.http import HttpRequest, HttpResponse

LANGUAGE_COOKIE_AGE_S = 365 * 24 * 3600


class LoginForm(AuthenticationForm):
    """E-mail and password by the same rules as the API's log-in, and the second factor where the account has one."""

    code = forms.CharField(
        label=_("인증 코드"),
        required=False,
        max_length=16,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["username"].label = _("이메일")
        self.asks_for_code = bool(self.data.get("code"))

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not email or not password or self.request is None:
            return self.cleaned_data
        try:
            self.user_cache = attempt_login(self.request, email, password, self.cleaned_data.get("code") or None)
        except SecondFactorRequired as error:
            self.asks_for_code = True
            raise ValidationError(_("인증 앱의 코드를 함께 넣어 주세요."), code="mfa_required") from error
        except TooManyFailures as error:
            text = _("로그인 시도가 많았습니다. %(seconds)d초 뒤에 다시 해 주세요.")
            raise ValidationError(text, code="throttled", params={"seconds": error.retry_after_s}) from error
        except InvalidCredentials as error:
            raise ValidationError(_("이메일 또는 비밀번호가 맞지 않습니다."), code="invalid_credentials") from error
        return self.cleaned_data


class StaffPasswordResetForm(PasswordResetForm):
    def get_users(self, email: str) -> Iterable[Staff]:
        """Also accounts that were made without a password: the reset is how they get their first one."""
        return Staff.objects.filter(email=email.lower(), is_active=True)


class PasswordReset(auth_views.PasswordResetView):
    form_class = StaffPasswordResetForm
    email_template_name = "registration/password_reset_email.txt"
    subject_template_name = "registration/password_reset_subject.txt"
    success_url = reverse_lazy("password_reset_done")


class PasswordResetConfirm(auth_views.PasswordResetConfirmView):
    success_url = reverse_lazy("password_reset_complete")

    def form_valid(self, form: Form) -> HttpResponse:
        # Django ends the account's sessions by the new hash; open sockets hear it by this row
        revoke_staff(self.user.pk)
        return super().form_valid(form)


@require_GET
def go_home(request: HttpRequest) -> HttpResponse:
    """`/`: the desk for staff, the family's page for guardians, else the log-in."""
    user = request.user
    if not isinstance(user, Staff):
        return redirect("admin:login")
    return redirect("family" if user.is_guardian else "admin:index")


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Keeps the language with the account, and in a cookie for the pages before log-in."""
    language = request.POST.get("language", "")
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = "/"
    response = HttpResponseRedirect(target)
    if language not in dict(settings.LANGUAGES):
        return response
    if isinstance(request.user, Staff):
        Staff.objects.filter(pk=request.user.pk).update(language=language)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=LANGUAGE_COOKIE_AGE_S,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
    )
    return response
