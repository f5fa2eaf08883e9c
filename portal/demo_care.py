"""The demo's everyday: whom to call, how to get in, who is on duty, what is due today. Names are invented."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from monitoring.due_tasks import open_task
from monitoring.notice_models import DueTask
from monitoring.roster_models import Duty
from seniors.entry_codes import store_entry_code
from seniors.models import Contact, EntryCode

if TYPE_CHECKING:
    from seniors.models import Senior, Staff

ROSTER_DAYS = 14
HANDS_OVER_AT = 9
GAP_ON_DAY = 5  # one night is left open, as rosters are
CONTACTS = (
    ("큰딸", "010-5550-02{n:02d}", True),
    ("아들", "010-5550-03{n:02d}", False),
    ("옆집 이웃", "02-555-04{n:02d}", True),
)
FAMILY = ("박지영", "최민정", "강동현", "윤서연", "임재훈", "한유진", "오성민", "신혜원", "조은별", "서준호")
# (which resident, kind, hours from nine this morning)
DUE = ((1, "call", 1), (3, "call", 3), (4, "visit", 5), (6, "call", 6), (8, "visit", 7), (9, "call", 8))


def prepare_care(seniors: list[Senior], first: Staff, second: Staff) -> None:
    """Contacts, entry codes, two weeks of roster and the calls of today. Again, it changes nothing."""
    for n, senior in enumerate(seniors):
        prepare_senior(senior, n)
    prepare_roster(first, second)
    morning = timezone.localtime().replace(hour=HANDS_OVER_AT, minute=0, second=0, microsecond=0)
    for place, kind, hours in DUE:
        key = f"demo:{place}:{morning:%Y%m%d}"
        open_task(seniors[place].pk, DueTask.Kind(kind), "scheduled", key=key, due_at=morning + timedelta(hours=hours))


def prepare_senior(senior: Senior, n: int) -> None:
    if not Contact.objects.filter(senior=senior).exists():
        Contact.objects.bulk_create(
            Contact(
                senior=senior,
                position=place,
                full_name=FAMILY[(n + place * 3) % len(FAMILY)],
                relation=relation,
                phone=phone.format(n=n + 11),
                holds_key=holds_key,
            )
            for place, (relation, phone, holds_key) in enumerate(CONTACTS[: 1 + n % 3], 1)
        )
    if not EntryCode.objects.filter(senior=senior).exists():
        store_entry_code(senior, f"현관 *{1100 + 37 * n}# · 열쇠는 우편함 안쪽", None)


def prepare_roster(first: Staff, second: Staff) -> None:
    """Day and night by turns from this morning on; one night is open."""
    if Duty.objects.exists():
        return
    morning: datetime = timezone.localtime().replace(hour=HANDS_OVER_AT, minute=0, second=0, microsecond=0)
    half = timedelta(hours=12)
    shifts = []
    for n in range(ROSTER_DAYS):
        start = morning + timedelta(days=n - 1)
        shifts.append(Duty(staff=(first, second)[n % 2], starts_at=start, ends_at=start + half, rung=Duty.Rung.FIRST))
        shifts.append(Duty(staff=(second, first)[n % 2], starts_at=start, ends_at=start + half, rung=Duty.Rung.SECOND))
        if n != GAP_ON_DAY:
            night = (second, first)[n % 2]
            shifts.append(Duty(staff=night, starts_at=start + half, ends_at=start + 2 * half, rung=Duty.Rung.FIRST))
    Duty.objects.bulk_create(shifts)
