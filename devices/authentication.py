"""Who a hub is: the principal behind a live key of a registered hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission

from .api_keys import credential_of, matches
from .models import HubKey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from drf_spectacular.openapi import AutoSchema
    from rest_framework.request import Request
    from rest_framework.views import APIView

HUB_PREFIX = "hub_"


@dataclass(frozen=True)
class HubPrincipal:
    """A hub that has proved itself, as `request.user` and on its socket."""

    hub_id: int
    senior_id: int
    prefix: str
    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True


class LiveKey(NamedTuple):
    hub_id: int
    senior_id: int
    key_hash: str
    lives: timedelta | None  # from now, by the database's clock; None = until revoked


def find_live_keys(prefixes: Iterable[str]) -> dict[str, LiveKey]:
    """The live keys among these of registered hubs, by prefix, in one query."""
    found = (
        HubKey.objects.live()
        .filter(prefix__in=prefixes, hub__deregistered_at=None)
        .annotate(lives=ExpressionWrapper(F("expires_at") - Now(), output_field=DurationField()))
        .values_list("prefix", "hub_id", "hub__senior_id", "key_hash", "lives")
    )
    return {prefix: LiveKey(*rest) for prefix, *rest in found}


def authenticate_hub(header: str) -> HubPrincipal | None:
    """The hub behind an `Authorization` header; None when it is no live key of a registered hub."""
    credential = credential_of(header)
    if credential is None or not credential[0].startswith(HUB_PREFIX):
        return None
    prefix, secret = credential
    key = find_live_keys([prefix]).get(prefix)
    if key is None or not matches(secret, key.key_hash):
        return None
    return HubPrincipal(key.hub_id, key.senior_id, prefix)


class HubKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key <key>` (or `Bearer <key>`) of a hub; other credentials are left to others."""

    def authenticate(self, request: Request) -> tuple[HubPrincipal, None] | None:
        header = request.headers.get("Authorization", "")
        credential = credential_of(header)
        if credential is None or not credential[0].startswith(HUB_PREFIX):
            return None
        principal = authenticate_hub(header)
        if principal is None:
            raise AuthenticationFailed("the key is not known or no longer valid")
        return principal, None

    def authenticate_header(self, request: Request) -> str:
        return "Api-Key"


class HubKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its registration is untyped
    """Shows the scheme in the OpenAPI schema."""

    target_class = HubKeyAuthentication
    name = "HubKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Api-Key <key>` of a hub, or `Bearer <key>`",
        }


class IsHub(BasePermission):
    """Hubs alone; people and service accounts are 403."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, HubPrincipal)
