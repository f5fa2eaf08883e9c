from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from devices.database_threads import in_database_thread
from monitoring import roster_watch, staff_feed
from monitoring.notice_models import Notice
from monitoring.reachability import mark_pages_open, reachable
from monitoring.roster_models import Duty, PagePresence
from tests.api_calls import call
from tests.monitoring.staff_sockets import page_of

if TYPE_CHECKING:
    from seniors.models import Staff

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def serve(staff: Staff, starts: datetime, ends: datetime, rung: str = "first") -> Duty:
    return Duty.objects.create(staff=staff, starts_at=starts, ends_at=ends, rung=rung)


def open_notices(kind: str) -> list[Notice]:
    return list(Notice.objects.filter(kind=kind, closed_at=None).order_by("pk"))


# -- gaps


def test_supervisors_hear_of_each_gap_of_the_week_ahead_once(now: datetime, lee: Staff, park: Staff) -> None:
    serve(lee, now - HOUR, now + 2 * DAY)
    serve(lee, now + 3 * DAY, now + 4 * DAY)
    serve(lee, now + 5 * DAY, now + 9 * DAY)
    assert roster_watch.tell_of_gaps(now) == 1
    assert roster_watch.tell_of_gaps(now + HOUR) == 0
    (notice,) = open_notices("roster_gap")
    assert (notice.staff, len(notice.values["gaps"])) == (park, 2)
    text = call(park, "get", "notices").json()["results"][0]["text"]
    assert "1차 당직이 없습니다" in text
    assert "1번 더" in text
    assert roster_watch.tell_of_gaps(now + 3 * DAY) == 1  # the end of the last shift has come into sight


def test_a_gap_that_is_filled_is_over(now: datetime, lee: Staff, park: Staff) -> None:
    serve(lee, now - HOUR, now + 6 * DAY)
    roster_watch.tell_of_gaps(now)
    assert open_notices("roster_gap")
    serve(lee, now + 6 * DAY, now + 8 * DAY)
    roster_watch.tell_of_gaps(now)
    assert open_notices("roster_gap") == []


def test_an_empty_roster_is_told_once_and_not_every_day(now: datetime, park: Staff) -> None:
    assert [roster_watch.tell_of_gaps(now + day * DAY) for day in range(3)] == [1, 0, 0]


# -- nobody could be reached


def test_supervisors_hear_when_nobody_on_duty_could_be_reached(now: datetime, lee: Staff, park: Staff) -> None:
    serve(lee, now - HOUR, now + HOUR)
    assert roster_watch.tell_of_nobody(now) == 1
    assert roster_watch.tell_of_nobody(now + timedelta(minutes=5)) == 0
    (notice,) = open_notices("duty_unreachable")
    assert (notice.staff, notice.rings) == (park, True)
    mark_pages_open([lee.pk])
    assert roster_watch.tell_of_nobody(now + timedelta(minutes=6)) == 0
    assert open_notices("duty_unreachable") == []


def test_a_shift_that_has_only_begun_gets_time_to_log_in(now: datetime, lee: Staff, park: Staff) -> None:
    serve(lee, now - timedelta(minutes=9), now + HOUR)
    assert roster_watch.tell_of_nobody(now) == 0


def test_a_page_is_open_for_two_minutes(lee: Staff, park: Staff) -> None:
    mark_pages_open([lee.pk, park.pk, 999_999])
    assert reachable([lee, park]) == [lee, park]
    PagePresence.objects.filter(staff=lee).update(seen_at=datetime.now(UTC) - timedelta(minutes=3))
    assert reachable([lee, park]) == [park]
    mark_pages_open([lee.pk])
    assert reachable([lee]) == [lee]


@pytest.mark.django_db(transaction=True)
async def test_an_open_page_makes_its_person_reachable(lee: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff_feed, "MARK_PAGES_S", 0.0)
    async with page_of(lee) as page:
        assert await page.hears_nothing(1.0)
    assert await in_database_thread(reachable, [lee]) == [lee]
