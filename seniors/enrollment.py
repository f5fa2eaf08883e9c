"""Who cares for whom, and what a senior consented to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from .models import Consent, Senior, Staff, StaffSenior
from .revocations import revoke_consent, revoke_mapping

if TYPE_CHECKING:
    from typing import Any


@transaction.atomic
def enroll_senior(by: Staff | None, *, full_name: str, address: str, **fields: Any) -> Senior:
    """Registers a senior; whoever does it is mapped to them, supervisors too, so that somebody is alerted first."""
    senior = Senior.objects.create(full_name=full_name, address=address, **fields)
    if by is not None:
        map_staff(by, senior)
    return senior


def map_staff(staff: Staff, senior: Senior) -> None:
    StaffSenior.objects.get_or_create(staff=staff, senior=senior)


@transaction.atomic
def unmap_staff(staff_id: int, senior_id: int) -> bool:
    """Ends a mapping; False when there was none. Open sockets fall silent about that senior at once: each message
    asks who may see. A picture of their home ends within a second."""
    deleted, _ = StaffSenior.objects.filter(staff_id=staff_id, senior_id=senior_id).delete()
    if deleted:
        revoke_mapping(staff_id, senior_id)
    return deleted > 0


def has_video_consent(senior_id: int) -> bool:
    return Consent.objects.filter(senior_id=senior_id, kind=Consent.Kind.VIDEO, withdrawn_at__isnull=True).exists()


@transaction.atomic
def set_video_consent(senior: Senior, given: bool, by: Staff) -> None:
    """Gives or withdraws; saying again what holds already changes nothing. Withdrawn, a picture ends in a second."""
    in_force = Consent.objects.filter(senior=senior, kind=Consent.Kind.VIDEO, withdrawn_at=None)
    if given:
        in_force.get_or_create(senior=senior, kind=Consent.Kind.VIDEO, defaults={"given_by": by})
    elif in_force.update(withdrawn_at=Now(), withdrawn_by=by):
        revoke_consent(senior.pk)
