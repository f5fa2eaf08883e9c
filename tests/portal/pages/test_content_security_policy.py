from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from devices.models import IoTHub
    from monitoring.models import EmergencyLog
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=\"|<script(?![^>]*\ssrc=)(?![^>]*application/json)", re.IGNORECASE)


@pytest.fixture
def pages(senior: Senior, hub: IoTHub, happen: Callable[..., EmergencyLog]) -> list[str]:
    emergency = happen(senior)
    care = [f"/admin/care/{senior.pk}/{tab}" for tab in ("", "emergencies/", "profile/", "home/", "events/", "access/")]
    forms = ["/admin/seniors/senior/add/", "/admin/seniors/staff/add/", "/admin/devices/iothub/add/"]
    lists = ["/admin/seniors/senior/", "/admin/seniors/staff/", "/admin/seniors/accesslog/", "/admin/ai/aiweight/"]
    lists += ["/admin/devices/iothub/", "/admin/devices/fault/", "/admin/monitoring/emergencylog/"]
    pages = ["/admin/", "/admin/care/", f"/admin/emergencies/{emergency.log_id}/", "/admin/password_change/"]
    return [*pages, *care, *forms, *lists]


def test_every_page_forbids_foreign_and_inline_code_and_has_none(
    browse: Callable[[Staff], Client], park: Staff, pages: list[str]
) -> None:
    browser = browse(park)
    for path in pages:
        answer = browser.get(path)
        assert answer.status_code == 200, path
        policy = answer["Content-Security-Policy"]
        assert "default-src 'self'" in policy, path
        assert "unsafe" not in policy, path
        assert INLINE.search(answer.content.decode()) is None, path


def test_the_pages_of_guardians_and_strangers_too(browse: Callable[[Staff], Client], guardian: Staff) -> None:
    browser = browse(guardian)
    for path in ("/family/", "/account/reset/", "/account/reset/sent/", "/account/reset/done/"):
        answer = browser.get(path)
        assert "default-src 'self'" in answer["Content-Security-Policy"], path
        assert INLINE.search(answer.content.decode()) is None, path


@pytest.mark.parametrize("bad", ['<p style="color:red">', "<style>", '<a onclick="x()">', "<script>x()</script>"])
def test_the_search_for_inline_code_finds_it(bad: str) -> None:
    assert INLINE.search(bad)
