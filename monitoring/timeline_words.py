"""An emergency's timeline in words: its transitions, and its deliveries, as lines of one list in time order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from devices.models import SafetyCheck

from .models import Outcome, Progress
from .risk_words import say_emergency

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .models import AlertDelivery, EmergencyTransition
    from .notification.models import Notification


@dataclass(frozen=True)
class Line:
    """`tone` is for the eye: raised, taken, asked, answered, ended or quiet."""

    at: datetime
    kind: str
    tone: str
    title: str
    by: str
    detail: str


TONES = {
    "raised": "raised",
    "reopened": "raised",
    "repeated": "raised",
    "escalated": "raised",
    "test_overdue": "raised",
    "test_ended": "raised",
    "snooze_ended": "raised",
    "owner_silent": "raised",
    "reminded": "raised",
    "acknowledged": "taken",
    "progress": "taken",
    "owner_asked": "asked",
    "assigned": "asked",
    "safety_check": "asked",
    "resolved": "ended",
}


def say_timeline(
    transitions: Iterable[EmergencyTransition],
    deliveries: Iterable[AlertDelivery],
    names: Mapping[int, str],
    notifications: Iterable[Notification] = (),
) -> list[Line]:
    """Every line, oldest first. `names` are those of the staff that details speak of, `notifications` as
    `timeline.ended_notifications` gives them."""
    lines = [say_transition(transition, names) for transition in transitions]
    lines += [say_notification(notification) for notification in notifications]
    return sorted([*lines, *_say_alerts(deliveries)], key=lambda line: line.at)


def _say_alerts(deliveries: Iterable[AlertDelivery]) -> list[Line]:
    """Who was alerted, a line each time, and when each person's page first showed it.

    An escalation's line names its people already.
    """
    alerted: dict[int, list[AlertDelivery]] = {}
    shown: dict[str, datetime] = {}
    for delivery in deliveries:
        name = delivery.staff.full_name
        if delivery.reason != "escalated":
            alerted.setdefault(delivery.outbox_id, []).append(delivery)
        if delivery.received_at:
            shown[name] = min(delivery.received_at, shown.get(name, delivery.received_at))
    lines = [
        _line(sent[0].created_at, "alerted", _("알림을 보냄"), detail=", ".join(one.staff.full_name for one in sent))
        for sent in alerted.values()
    ]
    return lines + [_line(at, "received", _("화면에 표시됨"), detail=name) for name, at in shown.items()]


def say_notification(notification: Notification) -> Line:
    """A message by another channel: to whom, by what, and whether it arrived."""
    channel, name = notification.get_kind_display(), notification.staff.full_name if notification.staff else ""
    at: datetime = getattr(notification, "settled_at")  # noqa: B009 - an annotation
    if notification.state == notification.State.FAILED:
        return _line(at, "not_notified", _("%(channel)s 보내지 못함") % {"channel": channel}, detail=name)
    detail = _("%(name)s · 받음") % {"name": name} if notification.received_at else name
    return _line(at, "notified", _("%(channel)s 보냄") % {"channel": channel}, detail=detail)


def say_transition(transition: EmergencyTransition, names: Mapping[int, str]) -> Line:
    detail = transition.detail
    by = transition.by.full_name if transition.by else ""
    title, text = _say_kind(transition.kind, detail, names)
    line = _line(transition.at, transition.kind, title, by=by, detail=text)
    answered = transition.kind == "safety_check" and detail.get("status") in {"ok", "help", "no_answer"}
    return Line(**{**line.__dict__, "tone": "answered"}) if answered else line


def _say_kind(kind: str, detail: Mapping[str, Any], names: Mapping[int, str]) -> tuple[str, str]:
    if kind == "safety_check":
        return _("로봇 안전 확인"), _say_check(detail)
    if kind == "resolved":
        outcome = str(dict(Outcome.choices).get(str(detail.get("outcome")), ""))
        note = str(detail.get("note") or "")
        return _("종료"), f"{outcome} · {note}" if note else outcome
    if kind == "progress":
        state = str(dict(Progress.choices).get(str(detail.get("state")), ""))
        return state, str(detail.get("note") or "")
    if kind == "snoozed":
        until = timezone.localtime(datetime.fromisoformat(str(detail["until"])))
        return _("잠시 멈춤"), _("%(clock)s까지") % {"clock": until.strftime("%H:%M")}
    if "staff_ids" in detail:
        people = [names.get(staff_id, str(staff_id)) for staff_id in detail["staff_ids"]]
        return _say_change(kind), ", ".join(people)
    told = say_emergency(str(detail.get("description") or ""), detail.get("reasons") or [])
    return _say_change(kind), told or str(detail.get("note") or "")


def _say_check(detail: Mapping[str, Any]) -> str:
    """What became of it, and when it was asked and heard where the emergency began only afterwards."""
    status = str(detail.get("status", ""))
    labels = {
        **dict(SafetyCheck.Status.choices),
        "impossible": _("허브가 끊겨 묻지 못함"),
        "late_ok": _("늦게 괜찮다고 답함"),
    }
    steps = {"requested_at": _("요청"), "delivered_at": _("전달"), "answered_at": _("대답")}
    times = [f"{word} {_say_second(detail[name])}" for name, word in steps.items() if detail.get(name)]
    return " · ".join([str(labels.get(status, status)), *times])


def _say_second(moment: Any) -> str:
    return timezone.localtime(datetime.fromisoformat(str(moment))).strftime("%H:%M:%S")


def _say_change(kind: str) -> str:
    titles = {
        "raised": _("발생"),
        "repeated": _("다시 감지됨"),
        "reopened": _("다시 열림"),
        "acknowledged": _("접수"),
        "escalated": _("다음 단계로 알림"),
        "assigned": _("담당을 넘기려고 알림"),
        "assign_lapsed": _("넘겨받지 않아 담당이 그대로임"),
        "owner_asked": _("담당자에게 아직 확인 중인지 물음"),
        "owner_silent": _("담당자의 응답이 없어 다시 열림"),
        "snooze_ended": _("멈춤 시간이 끝나 다시 열림"),
        "reminded": _("종료되지 않아 관리자에게 알림"),
        "test_overdue": _("시험으로 종료되지 않아 실제 상황으로 알림"),
        "test_ended": _("시험이 아닌 신호가 와서 실제 상황으로 알림"),
    }
    return titles.get(kind, kind)


def _line(at: datetime, kind: str, title: str, *, by: str = "", detail: str = "") -> Line:
    return Line(at, kind, TONES.get(kind, "quiet"), title, by, detail)
