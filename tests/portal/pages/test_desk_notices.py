"""What a person was told that is no emergency stands on their desk until they have seen it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from devices import safety_checks
from monitoring import notices
from monitoring.models import RiskState
from monitoring.notice_models import Notice

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from devices.models import IoTHub
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])


def part(browser: Client) -> str:
    return browser.get("/admin/parts/notices/").content.decode()


def test_a_notice_rings_on_its_person_s_desk_until_it_is_seen(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff, park: Staff
) -> None:
    kind = Notice.Kind.CHECK_UNDELIVERABLE
    (notice,) = notices.tell([kim], kind, "check:1", senior_id=senior.pk, rings=True)
    shown = part(browse(kim))
    assert "박순자 님에게 로봇으로 안부를 묻지 못했습니다" in shown
    assert 'data-rings="medium"' in shown
    assert shown in browse(kim).get("/admin/").content.decode()
    assert part(browse(park)).strip() == ""
    notices.mark_seen(notice.pk, kim)
    assert part(browse(kim)).strip() == ""


def test_whether_the_senior_is_back_is_answered_there(
    browse: Callable[[Staff], Client], senior: Senior, kim: Staff
) -> None:
    notices.tell([kim], Notice.Kind.IS_BACK, "absence:1", senior_id=senior.pk, rings=True)
    shown = part(browse(kim))
    assert [f'data-act="{act}"' in shown for act in ("back", "away", "noticed")] == [True, True, False]
    assert f'data-senior="{senior.pk}"' in shown


def test_a_soft_alarm_shows_what_the_robot_was_asked_and_rings_nobody(
    browse: Callable[[Staff], Client], senior: Senior, hub: IoTHub, kim: Staff
) -> None:
    RiskState.objects.create(senior=senior, level="warning", score=0.8, observed_at=datetime.now(UTC))
    safety_checks.mark_delivered(safety_checks.request(senior, None).pk, hub.pk)
    shown = browse(kim).get("/admin/parts/watched/").content.decode()
    assert "로봇이 묻는 중" in shown
    assert "data-rings" not in shown
