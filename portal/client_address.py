"""Who called, where a proxy stands in front: the address that our own proxy saw, and nobody else's word for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection


def believe_proxy(application: Any, proxies: Collection[str]) -> Any:
    """Wraps an ASGI application: one hop is believed, and only from an address in `proxies`.

    The proxy writes the last entry of X-Forwarded-For; all before it is what the client claims. Without proxies the
    application is returned as it is.
    """
    if not proxies:
        return application

    async def call(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await application(with_client(scope, proxies), receive, send)

    return call


def with_client(scope: dict[str, Any], proxies: Collection[str]) -> dict[str, Any]:
    """`scope` with the caller's address as `client`, where a proxy of ours handed the request on."""
    client = scope.get("client")
    if client is None or client[0] not in proxies:
        return scope
    told = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    address = told[-1].decode("latin-1").rpartition(",")[2].strip() if told else ""
    return {**scope, "client": (address, 0)} if address else scope
