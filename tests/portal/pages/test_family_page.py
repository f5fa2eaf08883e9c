from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from monitoring.alerting import resolve
from monitoring.models import RiskState
from monitoring.ownership import acknowledge
from seniors.access_log import record_access
from seniors.enrollment import set_video_consent
from tests.factories import make_senior

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from devices.models import IoTHub
    from monitoring.models import EmergencyLog
    from seniors.models import Senior, Staff


def page(client: Client) -> str:
    answer = client.get("/family/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_it_is_for_guardians_and_leads_staff_to_the_desk(client: Client, kim: Staff) -> None:
    assert client.get("/family/")["Location"].startswith("/admin/login/")
    client.force_login(kim)
    assert client.get("/family/")["Location"] == "/admin/"
    assert client.get("/family/state/").status_code == 404


def test_a_guardian_sees_their_own_person_and_nobody_else(
    browse: Callable[[Staff], Client], senior: Senior, guardian: Staff
) -> None:
    other = make_senior(full_name="남의 어르신")
    html = page(browse(guardian))
    assert senior.full_name in html
    assert other.full_name not in html


def test_an_ordinary_day_is_one_calm_sentence(
    browse: Callable[[Staff], Client], hub: IoTHub, senior: Senior, guardian: Staff
) -> None:
    hub.status = "online"
    hub.save()
    RiskState.objects.create(senior=senior, level="normal", score=0.1, observed_at=timezone.now())
    assert "오늘도 평소처럼 지내고 계십니다." in page(browse(guardian))


def test_nothing_known_is_said_and_not_called_a_good_day(
    browse: Callable[[Staff], Client], hub: IoTHub, guardian: Staff
) -> None:
    html = page(browse(guardian))
    assert "댁의 기기를 준비하고 있습니다." in html
    assert "tone-no_data" in html


def test_it_tells_what_happened_and_neither_who_nor_in_which_words(
    browse: Callable[[Staff], Client],
    senior: Senior,
    kim: Staff,
    guardian: Staff,
    happen: Callable[..., EmergencyLog],
) -> None:
    senior.health_info = {"병력": "비밀스러운 병"}
    senior.save()
    emergency = happen(senior, description="거실 낙상 센서의 말")
    acknowledge(emergency.log_id, kim)
    browser = browse(guardian)
    during = page(browser)
    assert "담당자가 응급 상황을 살피고 있습니다." in during
    resolve(emergency.log_id, kim, "false_alarm", "담당자의 메모")
    after = page(browser)
    assert "오경보" in after
    for secret in ("비밀스러운 병", "거실 낙상 센서의 말", kim.full_name, "담당자의 메모"):
        assert secret not in during + after


def test_the_consent_button_offers_the_opposite_of_what_holds(
    browse: Callable[[Staff], Client], senior: Senior, guardian: Staff
) -> None:
    browser = browse(guardian)
    assert 'data-act="consent" data-value="true"' in page(browser)
    set_video_consent(senior, True, guardian)
    assert 'data-act="consent" data-value="false"' in page(browser)


def test_a_guardian_has_no_page_of_the_staff_s_site(
    browse: Callable[[Staff], Client], senior: Senior, guardian: Staff
) -> None:
    browser = browse(guardian)
    for path in ("/admin/care/", f"/admin/care/{senior.pk}/", "/admin/parts/emergencies/", "/admin/seniors/senior/"):
        answer = browser.get(path)
        assert answer.status_code == 302, path
        assert answer["Location"].startswith("/admin/login/")


def test_the_family_sees_who_looked_through_the_camera_and_not_who_was_refused_or_why(
    client: Client, senior: Senior, guardian: Staff, kim: Staff, lee: Staff
) -> None:
    record_access(kim, "video.request", senior.pk, reason="대답이 없어서", refused=None)
    record_access(lee, "video.request", senior.pk, reason="궁금해서", refused="no_consent")
    client.force_login(guardian)
    html = page(client)
    assert kim.full_name in html
    assert lee.full_name not in html
    assert "대답이 없어서" not in html
