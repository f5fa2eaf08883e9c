"""Where a WebSocket's page came from."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_foreign(scope: Mapping[str, Any]) -> bool:
    """Whether the handshake's Origin is a page of another site.

    Browsers always send an Origin, so a handshake without one is no page's doing (RFC 6455, 10.2).
    """
    origin = header(scope, b"origin")
    if origin is None:
        return False
    host = urlsplit(origin).hostname or ""
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return False
    return not validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS)


def header(scope: Mapping[str, Any], name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key.lower() == name:
            return str(value.decode("latin-1"))
    return None


def address_of(scope: Mapping[str, Any]) -> str | None:
    """The caller's address; None where the server tells none."""
    host = (scope.get("client") or ("",))[0]
    try:
        return str(ip_address(host))
    except ValueError:
        return None
