"""A person's own channels: how they are reached when no page of theirs is open, and what became of what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from monitoring.notification import web_push
from monitoring.notification.carriers import configured_kinds
from monitoring.notification.endpoints import shown_address
from monitoring.notification.models import ChannelKind, Notification
from portal.pages.desk import person_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from seniors.models import Staff

NOTIFICATIONS_SHOWN = 20
SERVICE_WORKER = settings.BASE_DIR / "static" / "portal" / "service_worker.js"


@never_cache
@login_required
def show_notifications(request: HttpRequest) -> HttpResponse:
    """For everybody who logs in, guardians too."""
    kinds = configured_kinds()
    context = {
        **admin.site.each_context(request),
        **gather_channels(person_of(request)),
        "title": _("알림 수단"),
        "push_key": web_push.public_key(),
        "kinds": [(kind, label) for kind, label in ChannelKind.choices if kind in kinds and kind != "web_push"],
        "messengers": settings.ANBU_MESSENGERS,
    }
    return render(request, "portal/notifications.html", context)


@never_cache
@login_required
def show_notifications_state(request: HttpRequest) -> HttpResponse:
    """The part of the page that changes, for the page itself."""
    return render(request, "portal/parts/channels.html", gather_channels(person_of(request)))


def gather_channels(person: Staff) -> dict[str, Any]:
    endpoints = list(person.notification_endpoints.all())
    sent = Notification.objects.filter(staff=person, endpoint__isnull=False).prefetch_related("attempts")
    return {
        "channels": [{"endpoint": endpoint, "address": shown_address(endpoint)} for endpoint in endpoints],
        "has_proven": any(endpoint.enabled and endpoint.verified_at for endpoint in endpoints),
        "sent": [describe_notification(one) for one in sent.order_by("-created_at")[:NOTIFICATIONS_SHOWN]],
        "is_guardian": person.is_guardian,
    }


def describe_notification(notification: Notification) -> dict[str, Any]:
    """A line of the list: what it was, by what, and what came of it."""
    attempts = list(notification.attempts.all())
    last = attempts[-1] if attempts else None
    is_received = notification.received_at is not None
    state = _("받음") if is_received else notification.get_state_display()
    problem = last if last and last.result in {"again", "refused", "gone", "lost"} else None
    return {
        "row": notification,
        "state": state,
        "problem": problem,
        "is_settled": is_received or notification.state != Notification.State.WAITING,
    }


@require_GET
def serve_manifest(request: HttpRequest) -> JsonResponse:
    """Lets a phone keep the site like an application; on iOS push messages come only then."""
    icons = [
        {"src": static(f"portal/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png"}
        for size in (192, 512)
    ]
    manifest = {
        "name": _("안부"),
        "short_name": _("안부"),
        "id": "/",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#f4f6f4",
        "theme_color": "#0f6460",
        "icons": icons,
    }
    return JsonResponse(manifest, content_type="application/manifest+json")


@require_GET
def serve_service_worker(request: HttpRequest) -> FileResponse:
    """The one service worker. It stands at the root, since a worker serves no page above its own folder, and is asked
    for anew each time, so that a mended one reaches every browser at its next visit."""
    answer = FileResponse(SERVICE_WORKER.open("rb"), content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    answer["Service-Worker-Allowed"] = "/"
    return answer
