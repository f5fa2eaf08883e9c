"""Tries, from the browser that is open, whether pictures can reach it, and says in words where the way is blocked."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import admin
from django.http import JsonResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from devices.camera.ice import make_ice_servers
from devices.camera.inbox import inbox
from devices.camera.signaling import RelayUnavailable

if TYPE_CHECKING:
    from django.http import HttpRequest


@never_cache
def show_camera_check(request: HttpRequest) -> TemplateResponse:
    context = {
        **admin.site.each_context(request),
        "title": "",
        "ice_servers": make_ice_servers("check"),
        "has_turn": bool(settings.TURN_URLS),
    }
    return TemplateResponse(request, "portal/camera_check.html", context)


@require_POST
def begin_camera_check(request: HttpRequest) -> JsonResponse:
    """A browser's offer of one data channel (the body) -> `{"sdp"}`, or `{"problem"}` with 503 or 422."""
    sdp = request.body[:60_000].decode(errors="replace")
    about = uuid.uuid4().hex
    try:
        answer = async_to_sync(inbox_exchange)(about, sdp)
    except RelayUnavailable as error:
        return JsonResponse({"problem": str(error)}, status=503)
    if "sdp" not in answer:
        return JsonResponse({"problem": answer["problem"]}, status=422)
    return JsonResponse({"sdp": answer["sdp"]})


async def inbox_exchange(about: str, sdp: str) -> dict[str, str]:
    # no home: any relay will do
    return await inbox().exchange(0, about, {"type": "check", "about": about, "sdp": sdp})
