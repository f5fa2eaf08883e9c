"""How an AI worker proves itself to the API, and which callers the AI endpoints let in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission

from devices.api_keys import credential_of
from seniors.models import Staff

from .models import ServiceAccount
from .service_accounts import KEY_KIND, find_service_account

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema
    from rest_framework.request import Request
    from rest_framework.views import APIView


class ServiceKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key <key>` of a service account.

    Keys of another kind are left to the authentication that knows them: whoever they prove is then refused by the
    permission (403), while a key that proves nobody is 401.
    """

    def authenticate(self, request: Request) -> tuple[ServiceAccount, ServiceAccount] | None:
        credential = credential_of(get_authorization_header(request).decode("latin-1"))
        if credential is None or not credential[0].startswith(f"{KEY_KIND}_"):
            return None
        account = find_service_account(*credential)
        if account is None:
            raise AuthenticationFailed("no living key")
        return account, account

    def authenticate_header(self, request: Request) -> str:
        return "Api-Key"


class ServiceKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its metaclass is untyped
    target_class = ServiceKeyAuthentication
    name = "ServiceKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Api-Key <key>` of a service account",
        }


class IsServiceAccount(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, ServiceAccount)


class IsServiceAccountOrSupervisor(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        if isinstance(request.auth, ServiceAccount):
            return True
        return isinstance(request.user, Staff) and request.user.is_supervisor
