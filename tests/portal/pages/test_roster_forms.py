"""The roster and the policies of the ladder in the admin, for supervisors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitoring.roster_models import Duty, EscalationPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db
DUTIES = "/admin/monitoring/duty/"
POLICIES = "/admin/monitoring/escalationpolicy/"


def shift(staff: Staff, **fields: str) -> dict[str, str]:
    times = {"starts_at_0": "2099-01-01", "starts_at_1": "09:00", "ends_at_0": "2099-01-01", "ends_at_1": "18:00"}
    return {"staff": str(staff.pk), "rung": "first", **times, **fields}


def test_only_supervisors_have_them(browse: Callable[[Staff], Client], kim: Staff, park: Staff) -> None:
    assert [browse(kim).get(path).status_code for path in (DUTIES, POLICIES)] == [403, 403]
    assert [browse(park).get(path).status_code for path in (DUTIES, POLICIES)] == [200, 200]


def test_a_shift_is_written_and_taken_off(browse: Callable[[Staff], Client], kim: Staff, park: Staff) -> None:
    browser = browse(park)
    assert browser.post(f"{DUTIES}add/", shift(kim)).status_code == 302
    duty = Duty.objects.get()
    assert (duty.staff, duty.starts_at.isoformat()) == (kim, "2099-01-01T00:00:00+00:00")
    browser.post(f"{DUTIES}{duty.pk}/delete/", {"post": "yes"})
    assert not Duty.objects.exists()


def test_a_shift_that_cannot_be_is_refused_in_words(
    browse: Callable[[Staff], Client], kim: Staff, park: Staff, guardian: Staff
) -> None:
    browser = browse(park)
    page = browser.post(f"{DUTIES}add/", shift(kim, ends_at_1="08:00"))
    assert "당직은 시작한 뒤에 끝나야 합니다." in page.content.decode()
    assert browser.post(f"{DUTIES}add/", shift(guardian)).status_code == 200
    assert not Duty.objects.exists()


def test_a_policy_only_shortens(browse: Callable[[Staff], Client], senior: Senior, park: Staff) -> None:
    browser = browse(park)
    page = browser.post(f"{POLICIES}add/", {"senior": str(senior.pk), "first_s": "61"})
    assert "앞당길 수만" in page.content.decode()
    assert browser.post(f"{POLICIES}add/", {"senior": str(senior.pk), "first_s": "40"}).status_code == 302
    assert EscalationPolicy.objects.get().first_s == 40


def test_there_is_one_policy_for_everybody(browse: Callable[[Staff], Client], park: Staff) -> None:
    browser = browse(park)
    assert browser.post(f"{POLICIES}add/", {"senior": "", "robot_asks": "on"}).status_code == 302
    page = browser.post(f"{POLICIES}add/", {"senior": "", "first_s": "50"})
    assert "이미 있습니다" in page.content.decode()
    assert EscalationPolicy.objects.count() == 1
