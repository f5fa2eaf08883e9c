"""A WebSocket path that is not ours is refused with HTTP 403, not by an exception in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PATHS = {"/ws/hub/", "/ws/staff/"}


def refuse_unknown(application: Any) -> Callable[[Any, Any, Any], Awaitable[None]]:
    async def route(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] in PATHS:
            await application(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close"})

    return route
