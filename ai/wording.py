"""A finding in words, for the description of an emergency."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .findings import Finding


def describe_silence(finding: Finding) -> str:
    """Korean, as it is stored: what was silent for how long, what is usual, and which weights judged."""
    values = finding.reasons[0]["values"]
    return (
        f"{spell_minutes(values['minutes'])}째 움직임이 없습니다. "
        f"이 시간대 평소 최대 {spell_minutes(values['usual_max_minutes'])}, "
        f"경보 기준 {spell_minutes(values['allowed_minutes'])} (가중치 v{finding.version})"
    )


def spell_minutes(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest}분"
    return f"{hours}시간 {rest}분" if rest else f"{hours}시간"
