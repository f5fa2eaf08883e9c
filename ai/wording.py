"""A finding in words, for the description of an emergency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .findings import Finding


def describe_finding(finding: Finding) -> str:
    """Korean, as it is stored: what was found, what is usual, and which weights judged."""
    told = _tell(finding.reasons[0]["code"], finding.reasons[0]["values"])
    by = f"가중치 v{finding.version}" if finding.version else "생활을 아직 배우는 중"
    return f"{told} ({by})"


def _tell(code: str, values: Mapping[str, Any]) -> str:
    if code == "walking_at_night":
        return f"한밤중에 집 안을 오래 돌아다닙니다. 평소 밤의 {values['times_usual']:.1f}배"
    if code == "routine_changed":
        return "몇 주 사이 낮 활동이 줄거나 밤 활동이 늘었습니다"
    usual = spell_minutes(values["usual_max_minutes"])
    if code == "same_place_for":
        return f"{spell_minutes(values['minutes'])}째 한곳에서만 움직임이 잡힙니다. 평소 최대 {usual}"
    return (
        f"{spell_minutes(values['minutes'])}째 움직임이 없습니다. 이 시간대 평소 최대 {usual}, "
        f"경보 기준 {spell_minutes(values['allowed_minutes'])}"
    )


def spell_minutes(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest}분"
    return f"{hours}시간 {rest}분" if rest else f"{hours}시간"
