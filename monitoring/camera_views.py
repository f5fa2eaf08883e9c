"""Who may look through a robot's camera: visible senior, a reason, the senior's consent; and the trace of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seniors.access_log import record_access
from seniors.enrollment import has_video_consent
from seniors.models import Senior

from .ownership import note_act

if TYPE_CHECKING:
    from seniors.models import Staff


class NotVisible(LookupError):
    """This person may not know of that senior."""


def judge_view(staff: Staff, senior_id: int, reason: str) -> str | None:
    """None when `staff` may look, else the reason code why not; in the access log either way. Raises NotVisible."""
    if not Senior.objects.all().visible_to(staff).filter(pk=senior_id).exists():
        raise NotVisible(f"no senior {senior_id} for this person")
    refusal = None if has_video_consent(senior_id) else "no_consent"
    record_access(staff, "video.request", senior_id, reason=reason, refused=refusal)
    note_act(senior_id, staff)
    return refusal
