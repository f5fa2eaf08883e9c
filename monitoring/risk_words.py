"""What the reasons of a risk and of an emergency are called on the screen. Codes and numbers in, sentences out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from .models import EventType
from .sensor_words import say_sensor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def say_reason(reason: Mapping[str, Any]) -> str:
    """One reason as a sentence; a code that is not known here is named, since a new model may know more. Its values may
    be anything: they come from outside."""
    values = reason.get("values")
    code = str(reason.get("code", ""))
    told = _say_known(code, values if isinstance(values, dict) else {})
    return told or _("모델이 알린 까닭: %(code)s") % {"code": code or "–"}


def say_emergency(description: str, reasons: Sequence[Mapping[str, Any]]) -> str:
    """An emergency's description in the active language: it is stored in Korean, with the same as codes beside it."""
    is_korean = (get_language() or "ko").startswith("ko")
    if is_korean or not reasons:
        return description
    return say_reasons(reasons)


def say_reasons(reasons: Sequence[Mapping[str, Any]]) -> str:
    """All reasons in one line."""
    return ". ".join(say_reason(reason) for reason in reasons)


def say_minutes(minutes: float) -> str:
    """A span in the words of a clock: 42분, 2시간 22분."""
    whole = round(minutes)
    if whole < 100:
        return _("%(minutes)d분") % {"minutes": whole}
    hours, rest = divmod(whole, 60)
    if not rest:
        return _("%(hours)d시간") % {"hours": hours}
    return _("%(hours)d시간 %(minutes)d분") % {"hours": hours, "minutes": rest}


def _say_known(code: str, values: Mapping[str, Any]) -> str:
    """ "" for what has no words here."""
    if code == "silent_for":
        return _say_silence(values)
    if code == "same_place_for":
        return _say_dwelling(values)
    if code == "panic_pressed":
        return _say_panic(values)
    sentences = {
        "no_events": _("집에서 온 기록이 아직 없습니다"),
        "no_weights": _("이 사람의 생활을 아직 배우는 중입니다"),
        "no_hub": _("등록된 허브가 없습니다"),
        "hub_never_seen": _("허브가 아직 한 번도 연결되지 않았습니다"),
        "hub_offline": _("허브 연결이 끊겨 있습니다"),
        "learning": _("아직 배우는 중이라 보통 사람의 생활에 견줍니다"),
        "not_up_yet": _("평소 일어날 시각이 지났습니다"),
        "walking_at_night": _("한밤중에 집 안을 오래 돌아다닙니다"),
        "routine_changed": _("몇 주 사이 낮 활동이 줄거나 밤 활동이 늘었습니다"),
        "sensor_not_trusted": _("한 센서를 믿을 수 없어 더 기다려 판단합니다"),
        "sensor_dead": _("한동안 소식이 없는 센서가 있습니다"),
        "sensor_chattering": _("쉬지 않고 신호를 보내는 센서가 있습니다"),
        "door_was_last": _("마지막 기록이 문이라 외출했을 수 있습니다"),
        "not_scored": _("모델의 판단이 한동안 오지 않았습니다"),
        "hub_catching_up": _("허브가 밀린 기록을 보내는 중입니다"),
        "check_help": _("로봇의 안전 확인에 도움을 청했습니다."),
        "check_no_answer": _("로봇의 안전 확인에 대답이 없습니다."),
    }
    return sentences.get(code, "")


def _say_dwelling(values: Mapping[str, Any]) -> str:
    minutes, usual = _number(values.get("minutes")), _number(values.get("usual_max_minutes"))
    if minutes is None:
        return ""
    dwelling = _("%(span)s째 한곳에서만 움직임이 잡힙니다") % {"span": say_minutes(minutes)}
    if not usual:
        return dwelling
    return dwelling + ". " + _("평소 최대 %(span)s") % {"span": say_minutes(usual)}


def _say_silence(values: Mapping[str, Any]) -> str:
    minutes, usual = _number(values.get("minutes")), _number(values.get("usual_max_minutes"))
    if minutes is None:
        return ""
    silence = _("%(span)s째 움직임이 없습니다") % {"span": say_minutes(minutes)}
    if not usual:
        return silence
    return silence + ". " + _("이 시간대 평소 최대 %(span)s") % {"span": say_minutes(usual)}


def _say_panic(values: Mapping[str, Any]) -> str:
    sensor, event_type = values.get("sensor_id"), values.get("event_type")
    place = say_sensor(sensor) if isinstance(sensor, str) else _("알 수 없는 센서")
    kind = EventType(event_type).label if event_type in EventType.values else str(event_type)
    text = _("%(sensor)s에서 %(kind)s 신호가 왔습니다.") % {"sensor": place, "kind": kind}
    late = _number(values.get("late_minutes"))
    return f"{text} {_('%(minutes)s분 늦게 도착했습니다.') % {'minutes': round(late)}}" if late is not None else text


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None
