"""What the camera's panel on a senior's pages needs to know before anybody presses a button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from devices.models import IoTHub
from monitoring.camera_models import CameraView
from monitoring.camera_views import has_critical_emergency
from seniors.enrollment import has_video_consent

if TYPE_CHECKING:
    from seniors.models import Senior, Staff

SHOWN_VIEWS = 5


def describe_camera(user: Staff, senior: Senior) -> dict[str, Any]:
    """`may_ask`: with consent, or without it for a supervisor while a critical emergency is unresolved."""
    has_consent = has_video_consent(senior.pk)
    breaks_glass = not has_consent and user.is_supervisor and has_critical_emergency(senior.pk)
    views = CameraView.objects.filter(senior=senior, live_at__isnull=False).select_related("staff")
    return {
        "has_consent": has_consent,
        "breaks_glass": breaks_glass,
        "may_ask": not user.is_guardian and (has_consent or breaks_glass),
        "hub": IoTHub.objects.registered().filter(senior=senior).first(),
        "talk": settings.TALK_ENABLED,
        "views": views[:SHOWN_VIEWS],
    }
