"""What a notice and a task are called on the screen. Kinds, codes and numbers in, sentences out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from .notice_models import DueTask, Notice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def say_notice(notice: Notice) -> str:
    """The notice as a sentence. It names the senior: for its receiver's own pages, never for a lock screen."""
    kind, values = notice.kind, notice.values
    name = notice.senior.full_name if notice.senior else ""
    if kind == Notice.Kind.HUB_OFFLINE:
        return _say_hubs_offline(name, len(values.get("fault_ids", [])))
    if kind == Notice.Kind.ROSTER_GAP:
        return _say_gaps(values)
    sentences = {
        Notice.Kind.CHECK_UNDELIVERABLE: _("%(name)s 님에게 로봇으로 안부를 묻지 못했습니다. 전화해 주세요"),
        Notice.Kind.SOFT_ALARM_CALL: _("%(name)s 님이 평소보다 조용한데 로봇으로 물을 수 없습니다. 전화해 주세요"),
        Notice.Kind.IS_BACK: _("%(name)s 님 집에서 움직임이 이어집니다. 돌아오셨나요?"),
        Notice.Kind.ABSENCE_ENDED: _("%(name)s 님이 돌아오신 것으로 보고 부재를 끝냈습니다"),
        Notice.Kind.DUTY_UNREACHABLE: _("지금 당직 가운데 접속해 있거나 연락할 수 있는 사람이 없습니다"),
    }
    return (sentences.get(Notice.Kind(kind)) or kind) % {"name": name}


def say_task(task: DueTask) -> str:
    """Why it is to be done, as a sentence; a code that is not known here is named."""
    reasons = {
        "check_undeliverable": _("로봇으로 안부를 묻지 못함"),
        "soft_alarm_impossible": _("평소보다 조용한데 허브가 끊겨 로봇으로 물을 수 없음"),
        "back_home": _("부재 중인데 집에서 움직임이 이어짐"),
        "follow_up": _("지난 응급 상황 뒤 안부 확인"),
        "scheduled": _("정해진 안부 확인"),
    }
    return reasons.get(task.code) or task.code


def _say_hubs_offline(name: str, count: int) -> str:
    if name and count <= 1:
        return _("%(name)s 님 댁 허브의 연결이 끊겼습니다") % {"name": name}
    return _("%(count)d곳의 허브가 함께 연결이 끊겼습니다") % {"count": count}


def _say_gaps(values: Mapping[str, Any]) -> str:
    span = {"since": _say_moment(values, "from"), "until": _say_moment(values, "until")}
    text = _("%(since)s부터 %(until)s까지 1차 당직이 없습니다") % span
    more = len(values.get("gaps", [])) - 1
    return text if more < 1 else text + " " + _("(앞으로 7일 동안 %(count)d번 더)") % {"count": more}


def _say_moment(values: Mapping[str, Any], name: str) -> str:
    moment = parse_datetime(str(values.get(name, "")))
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT") if moment else "–"
