"""Who may look through a robot's camera: visible senior, a reason, the senior's consent; and the trace of it.

Consent is overridden for supervisors alone, while a critical emergency is unresolved, and reviewed afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.db import transaction
from django.db.models.functions import Now

from devices.models import IoTHub
from seniors.access_log import record_access
from seniors.enrollment import has_video_consent
from seniors.models import Senior

from .camera_models import CameraView
from .models import EmergencyLog, Severity
from .ownership import note_act

if TYPE_CHECKING:
    from seniors.models import Staff


class ViewRefused(Exception):
    """This person may not look, and is told `code` (`not_found`, `forbidden`, `reason_required`); it is logged."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class Admission(NamedTuple):
    """Either the view begins at that hub, or it ends for `ended`, a reason of the contract."""

    hub_id: int = 0
    break_glass: bool = False
    ended: str | None = None


def judge_view(
    staff: Staff, senior_id: int, reason: object, *, break_glass: bool = False, address: str | None = None
) -> Admission:
    """Decides and writes it down. Raises ViewRefused."""
    code, detail = refuse_person(staff, senior_id, reason)
    words = reason.strip()[:300] if isinstance(reason, str) else ""
    if code:
        record_access(staff, "video.request", senior_id, address=address, reason=words, refused=code)
        raise ViewRefused(code, detail)
    has_consent = has_video_consent(senior_id)
    breaks = not has_consent and break_glass and staff.is_supervisor and has_critical_emergency(senior_id)
    hub = IoTHub.objects.registered().filter(senior_id=senior_id).first()
    ended = None if hub else "hub_offline"
    if not has_consent and not breaks:
        ended = "no_consent"
    record_access(staff, "video.request", senior_id, address=address, reason=words, refused=ended, break_glass=breaks)
    note_act(senior_id, staff)
    return Admission(hub.hub_id if hub else 0, breaks, ended)


def refuse_person(staff: Staff, senior_id: int, reason: object) -> tuple[str, str]:
    if staff.is_guardian:
        return "forbidden", "a guardian cannot see the camera"
    if not Senior.objects.all().visible_to(staff).filter(pk=senior_id).exists():
        return "not_found", "there is no such senior"
    if not isinstance(reason, str) or not reason.strip():
        return "reason_required", "say why you look"
    return "", ""


def has_critical_emergency(senior_id: int) -> bool:
    unresolved = EmergencyLog.objects.filter(senior_id=senior_id, status__in=EmergencyLog.UNRESOLVED)
    return unresolved.filter(severity=Severity.CRITICAL).exists()


def open_view(stream_id: str, staff: Staff, senior_id: int, reason: str, *, break_glass: bool) -> None:
    CameraView.objects.create(
        stream_id=stream_id, staff=staff, senior_id=senior_id, reason=reason.strip()[:300], break_glass=break_glass
    )


@transaction.atomic
def mark_live(stream_id: str, address: str | None = None) -> None:
    """From now on the picture is seen: that is what the access log calls a view."""
    if CameraView.objects.filter(stream_id=stream_id, live_at=None).update(live_at=Now()):
        view = CameraView.objects.select_related("staff").get(stream_id=stream_id)
        more = {"stream_id": stream_id, "break_glass": view.break_glass}
        record_access(view.staff, "video.view", view.senior_id, address=address, reason=view.reason, **more)


def close_view(stream_id: str, end_reason: str) -> None:
    """The first reason holds."""
    CameraView.objects.filter(stream_id=stream_id, ended_at=None).update(ended_at=Now(), end_reason=end_reason)


def review_view(view_id: int, by: Staff, note: str) -> bool:
    """A look without consent is looked at by another person; False when it needs none, or none any more."""
    waiting = CameraView.objects.filter(pk=view_id, break_glass=True, reviewed_at=None).exclude(staff=by)
    return waiting.update(reviewed_at=Now(), reviewed_by=by, review_note=note[:300]) > 0
