"""How a person is, in one sentence: for the staff's page, and more gently for the family. Values in, sentence out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from devices.models import IoTHub
    from monitoring.models import EmergencyLog, RiskState

STALE_S = 180
"""A risk that the model has not renewed for three minutes says nothing about now: it renews each minute."""


@dataclass(frozen=True)
class Condition:
    """`tone` colours the sentence: emergency, warning, watch, normal, or no_data, which is never green."""

    tone: str
    sentence: str


def is_stale(risk: RiskState, now: datetime) -> bool:
    age: timedelta = now - risk.updated_at
    return age.total_seconds() > STALE_S


def tone_of(risk: RiskState | None, now: datetime) -> str:
    """The level to show: what is not known, or no longer, is no_data."""
    return "no_data" if risk is None or is_stale(risk, now) else risk.level


def describe_to_staff(
    unresolved: list[EmergencyLog], risk: RiskState | None, hub: IoTHub | None, now: datetime
) -> Condition:
    """What a caseworker reads first: an emergency, else what keeps us from knowing, else what the model says."""
    if unresolved:
        first = unresolved[0]
        owner = first.acknowledged_by
        kind = str(first.get_event_type_display())
        if owner is None:
            return Condition("emergency", _("%(kind)s: 아직 아무도 접수하지 않았습니다.") % {"kind": kind})
        return Condition("emergency", _("%(kind)s: %(name)s 님이 맡고 있습니다.") % {"kind": kind, "name": owner})
    if hub is None:
        return Condition("no_data", _("등록된 허브가 없어 상태를 알 수 없습니다."))
    if hub.status == "never_seen":
        return Condition("no_data", _("허브가 아직 한 번도 연결되지 않았습니다."))
    if hub.status == "offline":
        return Condition("no_data", _("허브 연결이 끊겨 지금 상태를 알 수 없습니다."))
    return Condition(tone_of(risk, now), _say_risk(risk, now))


def _say_risk(risk: RiskState | None, now: datetime) -> str:
    if risk is None:
        return _("모델이 아직 판단하지 않았습니다.")
    if is_stale(risk, now):
        return _("모델의 판단이 새로 오지 않고 있습니다.")
    sentences = {
        "normal": _("평소처럼 지내고 있습니다."),
        "watch": _("평소보다 조용해 지켜보고 있습니다."),
        "warning": _("평소와 달라 확인이 필요합니다."),
        "emergency": _("오래 움직임이 없습니다. 바로 확인하세요."),
    }
    return sentences.get(risk.level, _("판단할 자료가 없습니다."))


def describe_to_family(
    unresolved: list[EmergencyLog], risk: RiskState | None, hub: IoTHub | None, now: datetime
) -> Condition:
    if any(emergency.acknowledged_by_id is None for emergency in unresolved):
        return Condition("emergency", _("응급 상황이 감지되어 담당자에게 알렸습니다."))
    if unresolved:
        return Condition("emergency", _("담당자가 응급 상황을 살피고 있습니다."))
    if hub is None or hub.status == "never_seen":
        return Condition("no_data", _("댁의 기기를 준비하고 있습니다."))
    if hub.status == "offline":
        return Condition("no_data", _("댁의 기기와 연결이 끊겨 상태를 알 수 없습니다."))
    sentences = {
        "normal": _("오늘도 평소처럼 지내고 계십니다."),
        "watch": _("평소보다 조금 조용히 지내고 계십니다."),
        "warning": _("평소와 달라 담당자가 살펴보고 있습니다."),
        "emergency": _("움직임이 오래 없어 담당자가 확인하고 있습니다."),
    }
    tone = tone_of(risk, now)
    return Condition(tone, sentences.get(tone, _("아직 하루를 판단할 자료가 모이지 않았습니다.")))
