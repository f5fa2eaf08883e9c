"""What a model's reasons and a person's risk are called on the screen. Codes and numbers in, sentences out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def say_reason(reason: Mapping[str, Any]) -> str:
    """One reason of a risk as a sentence; a code that is not known here is named, since a new model may know more."""
    values = reason.get("values") or {}
    code = str(reason.get("code", ""))
    if code == "silent_for" and "minutes" in values:
        return _say_silence(values)
    obstacles = {
        "no_events": _("집에서 온 기록이 아직 없습니다"),
        "no_weights": _("이 사람의 생활을 아직 배우는 중입니다"),
        "no_hub": _("등록된 허브가 없습니다"),
        "hub_never_seen": _("허브가 아직 한 번도 연결되지 않았습니다"),
        "hub_offline": _("허브 연결이 끊겨 있습니다"),
        "door_was_last": _("마지막 기록이 문이라 외출했을 수 있습니다"),
        "not_scored": _("모델의 판단이 한동안 오지 않았습니다"),
        "hub_catching_up": _("허브가 밀린 기록을 보내는 중입니다"),
    }
    return obstacles.get(code) or _("모델이 알린 까닭: %(code)s") % {"code": code or "–"}


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


def _say_silence(values: Mapping[str, Any]) -> str:
    silence = _("%(span)s째 움직임이 없습니다") % {"span": say_minutes(float(values["minutes"]))}
    usual = values.get("usual_max_minutes")
    if not usual:
        return silence
    return silence + ". " + _("이 시간대 평소 최대 %(span)s") % {"span": say_minutes(float(usual))}
