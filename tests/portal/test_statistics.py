"""Statistics count what happened, leave drills and tests out, and are downloaded with a reason alone."""

from __future__ import annotations

import zipfile
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from monitoring.models import EmergencyLog, EmergencySource
from portal.pages import statistics, statistics_queries
from portal.pages.share_bars import Bar, draw_shares
from seniors.models import AccessLog

if TYPE_CHECKING:
    from django.test import Client

    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db


def ended(senior: Senior, outcome: str, after_s: float = 30, **fields: Any) -> EmergencyLog:
    at = timezone.now() - timedelta(hours=1)
    taken = at + timedelta(seconds=after_s)
    usual = {"event_type": "sos", "severity": "critical", "status": "resolved", "description": ""}
    times = {"occurred_at": at, "detected_at": at, "acknowledged_at": taken, "resolved_at": taken}
    return EmergencyLog.objects.create(senior=senior, outcome=outcome, **{**usual, **times, **fields})


def test_shares_taken_in_time_are_of_all_that_were_real_alarms(senior: Senior) -> None:
    ended(senior, "real", 30)
    ended(senior, "false_alarm", 90)
    ended(senior, "test", 300)
    ended(senior, "real", 300, test=True)
    (row,) = statistics_queries.count_responses(timezone.now() - timedelta(days=7), None)
    assert row[1:] == (2, 0.5, 1.0)


def test_false_alarms_are_counted_by_type_and_by_sensor(senior: Senior) -> None:
    for outcome in ("real", "false_alarm", "false_alarm"):
        log = ended(senior, outcome)
        source = f"panic:7:sos:28:front door:{timezone.now().isoformat()}"
        EmergencySource.objects.create(source=f"{source}{log.pk}", log=log, severity="critical")
    since = timezone.now() - timedelta(days=7)
    assert statistics_queries.count_outcomes(since, None) == [("긴급 호출", 1, 2, 0, 0.667)]
    assert statistics_queries.count_sensor_outcomes(since, None) == [("28:front door", 1, 2, 0, 0.667)]


def test_a_caseworker_counts_their_own_seniors_alone(
    client: Client, senior: Senior, kim: Staff, lee: Staff, guardian: Staff
) -> None:
    ended(senior, "false_alarm")
    for person, seen in ((kim, True), (lee, False)):
        client.force_login(person)
        assert ("100.0%" in client.get("/admin/statistics/").content.decode()) is seen
    client.force_login(guardian)
    assert client.get("/admin/statistics/").status_code == 302


def test_a_download_needs_a_reason_that_is_kept(client: Client, senior: Senior, park: Staff) -> None:
    ended(senior, "real")
    client.force_login(park)
    assert client.post("/admin/statistics/download/", {"format": "csv"}).status_code == 302
    answer = client.post("/admin/statistics/download/", {"format": "csv", "reason": "월간 보고"})
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "긴급 호출" in answer.content.decode()
    book = client.post("/admin/statistics/download/", {"format": "xlsx", "reason": "월간 보고"})
    assert "xl/workbook.xml" in zipfile.ZipFile(BytesIO(book.content)).namelist()
    assert AccessLog.objects.filter(action="statistics.export", staff=park, reason="월간 보고").count() == 2


def test_no_cell_of_a_download_is_a_formula() -> None:
    assert statistics.disarm("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert statistics.disarm("침실") == "침실"
    assert statistics.disarm(-1) == -1


def test_bars_stand_from_the_oldest_to_the_newest() -> None:
    shares = draw_shares([Bar("new", 1.0, 1.0, 3), Bar("old", 0.5, 1.0, 2)])
    assert [column.bar.label for column in shares.columns] == ["old", "new"]
    assert shares.columns[1].minute_height == 2 * shares.columns[0].minute_height
    assert draw_shares([]).columns == []
