"""An emergency is described in Korean for machines, and on pages in the language of whoever reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import translation

from devices import safety_checks
from monitoring.emergency_bus import parse_entry
from monitoring.emergency_listener import raise_finding
from monitoring.ingest import Panic
from monitoring.models import EmergencyLog, EventType
from monitoring.panic import raise_panics
from monitoring.risk_words import say_emergency, say_reason
from monitoring.timeline_words import say_transition
from tests.monitoring.test_emergency_entries import text

if TYPE_CHECKING:
    from devices.models import IoTHub
    from seniors.models import Senior, Staff

SILENCE = {"code": "silent_for", "values": {"minutes": 142, "usual_max_minutes": 70}}


def said(log: EmergencyLog, language: str) -> str:
    with translation.override(language):
        return say_emergency(log.description, log.reasons)


def raise_entry(senior: Senior, **fields: Any) -> EmergencyLog:
    episode = f"{senior.pk}:inactivity:2026-11-22T05:00:00+00:00:0"
    raise_finding(parse_entry(text(senior_id=senior.pk, episode=episode, weight_id=None, **fields)))
    return EmergencyLog.objects.get()


@pytest.mark.django_db
def test_a_finding_with_reasons_is_read_in_either_language(senior: Senior, kim: Staff) -> None:
    log = raise_entry(senior, description="2시간 22분째 움직임이 없습니다.", reasons=[SILENCE])
    assert said(log, "ko") == log.description == "2시간 22분째 움직임이 없습니다."
    assert said(log, "en").startswith("No movement")
    with translation.override("en"):
        line = say_transition(log.transitions.select_related("by").get(kind="raised"), {})
    assert line.detail == said(log, "en")


@pytest.mark.django_db
@pytest.mark.parametrize("reasons", [None, "silent", 3, [3, {"values": {}}, {"code": 4}], {"code": "x"}])
def test_a_finding_whose_reasons_are_none_is_raised_all_the_same(senior: Senior, kim: Staff, reasons: Any) -> None:
    log = raise_entry(senior, reasons=reasons)
    assert log.reasons == []
    assert said(log, "en") == log.description


@pytest.mark.django_db
def test_a_press_names_its_button(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    now = datetime.now(UTC)
    panic = Panic(EventType.SOS, "sos", "bedroom_button", now.isoformat(), now)
    raise_panics(hub.pk, senior.pk, [panic], now, None)
    log = EmergencyLog.objects.get()
    assert log.description == "침실 단추에서 긴급 호출 신호가 왔습니다."
    assert "Bedroom" in said(log, "en")
    source = log.sources.get()
    assert (source.hub_id, source.sensor_id) == (hub.pk, "bedroom_button")


@pytest.mark.django_db
def test_an_unanswered_check_tells_when_it_was_asked_and_heard(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    check = safety_checks.request(senior, kim)
    safety_checks.mark_delivered(check.pk, hub.pk)
    safety_checks.record_answer(check.pk, hub.pk, "help")
    log = EmergencyLog.objects.get()
    assert log.description == "로봇의 안전 확인에 도움을 청했습니다."
    assert said(log, "en") != log.description
    row = log.transitions.select_related("by").get(kind="safety_check")
    assert all(row.detail[name] for name in ("requested_at", "delivered_at", "answered_at"))
    detail = say_transition(row, {}).detail
    assert [word in detail for word in ("도움을 청함", "요청", "전달", "대답")] == [True] * 4


@pytest.mark.parametrize(
    "values", [{"minutes": "many"}, {"minutes": None}, {"minutes": float("nan")}, {"minutes": True}, [], "x", None]
)
def test_values_that_make_no_sense_break_no_page(values: Any) -> None:
    assert "silent_for" in say_reason({"code": "silent_for", "values": values})
    assert say_reason({"code": "panic_pressed", "values": values})
