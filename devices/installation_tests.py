"""Installation tests: for some minutes a press of a hub's buttons rings the person who tries them out, nobody else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from seniors.models import Senior

from .models import InstallationTest

if TYPE_CHECKING:
    from seniors.models import Staff

    from .models import IoTHub

MAX_MINUTES = 15
CLOCK_TOLERANCE = timedelta(seconds=60)  # how far off a hub's clock may be without a refusal


@transaction.atomic
def start(hub: IoTHub, by: Staff, minutes: int) -> InstallationTest:
    """A test of `minutes` (1-15) from now, by the database's clock. It takes over from one that lasts.

    Raises ValueError.
    """
    if not 1 <= minutes <= MAX_MINUTES:
        raise ValueError(f"minutes must be between 1 and {MAX_MINUTES}")
    InstallationTest.objects.filter(hub=hub, ends_at__gt=Now()).update(ends_at=Now())
    test = InstallationTest.objects.create(hub=hub, started_by=by, ends_at=Now() + timedelta(minutes=minutes))
    test.refresh_from_db()
    return test


def find_lasting(hub_id: int) -> InstallationTest | None:
    """The hub's test that lasts now; None also when whoever started it may not see the senior any more."""
    lasting = InstallationTest.objects.filter(hub_id=hub_id, ends_at__gt=Now()).order_by("-test_id")
    test = lasting.select_related("started_by", "hub").first()
    if test is None or not Senior.objects.visible_to(test.started_by).filter(pk=test.hub.senior_id).exists():
        return None
    return test


def covers(test: InstallationTest, pressed_at: datetime | None) -> bool:
    """Whether a press that arrives while `test` lasts belongs to it: one from before it, come late, is meant.

    `pressed_at` None: no time could be read, so the arrival decides.
    """
    return pressed_at is None or pressed_at >= test.started_at - CLOCK_TOLERANCE
