"""What a notification says, in its reader's language: how urgent it is and where to look, never who or why.

It is shown on lock screens, in notification lists and mailboxes, where others read along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from . import tokens
from .message import Message
from .models import ChannelKind, Purpose

if TYPE_CHECKING:
    from .models import Notification

ALERT_LASTS_S = 30 * 60
ASK_LASTS_S = 60
CALM_LASTS_S = 24 * 3600


def compose(notification: Notification) -> Message:
    """The message of a notification whose `log`, `delivery` and `staff` are loaded."""
    staff = notification.staff
    with translation.override(staff.language if staff else settings.LANGUAGE_CODE):
        title, text, path = _say(notification)
        is_urgent = notification.purpose in {Purpose.ALERT, Purpose.ASK, Purpose.CALL}
        return Message(
            title=title,
            text=text,
            url=settings.ANBU_PUBLIC_URL + path if path else "",
            purpose=notification.purpose,
            topic=_topic(notification),
            urgent=is_urgent,
            lasts_s=_lasts_s(notification.purpose),
            push=_for_the_worker(notification) if notification.kind == ChannelKind.WEB_PUSH else {},
        )


def _say(notification: Notification) -> tuple[str, str, str]:
    """Title, text and the path of the page to open."""
    if notification.log_id:
        return _say_emergency(notification)
    values = notification.values
    if notification.purpose == Purpose.CODE:
        return (
            _("안부 확인 번호"),
            _("확인 번호는 %(code)s 입니다. 10분 안에 넣어 주세요.") % {"code": values["code"]},
            "",
        )
    if notification.purpose == Purpose.OPERATOR:
        return _("안부 운영 알림"), str(values.get("text", "")), ""
    if notification.purpose == Purpose.TEST:
        return _("안부 시험 알림"), _("알림이 이렇게 옵니다. 하실 일은 없습니다."), "/account/notifications/"
    if notification.purpose == Purpose.CALL:
        return _("안부 확인 요청"), _("지금 직접 확인해 주셔야 할 일이 있습니다. 열어서 확인해 주세요."), "/"
    return _("안부 안내"), _("확인이 필요한 안내가 있습니다. 열어서 확인해 주세요."), "/"


def _say_emergency(notification: Notification) -> tuple[str, str, str]:
    log, purpose, path = notification.log, notification.purpose, f"/admin/emergencies/{notification.log_id}/"
    assert log is not None  # noqa: S101 - for the type checker: its caller looked
    title = _("안부 %(severity)s") % {"severity": log.get_severity_display()}
    if log.test:
        title = _("안부 시험") if purpose != Purpose.GUARDIAN else title
    if purpose == Purpose.GUARDIAN:
        return _("안부"), _say_to_family(notification.values), "/family/"
    if purpose == Purpose.ASK:
        return title, _("아직 확인하고 계신가요? 1분 안에 답하지 않으면 다음 사람에게 알립니다."), path
    if purpose == Purpose.TAKEN:
        is_over = log.status == "resolved"
        return title, _("종료되었습니다.") if is_over else _("다른 사람이 접수했습니다."), path
    if purpose == Purpose.REMINDER:
        return title, _("접수된 뒤 아직 종료되지 않은 응급 상황이 있습니다."), path
    return title, _say_alert(notification.delivery.reason if notification.delivery else ""), path


def _say_alert(reason: str) -> str:
    return {
        "escalated": _("아직 아무도 접수하지 않은 응급 상황이 있습니다. 열어서 확인해 주세요."),
        "reopened": _("응급 상황이 다시 열렸습니다. 열어서 확인해 주세요."),
        "assigned": _("응급 상황 담당을 맡아 달라는 요청이 있습니다. 열어서 확인해 주세요."),
    }.get(reason, _("새 응급 상황이 있습니다. 열어서 확인해 주세요."))


def _say_to_family(values: dict[str, Any]) -> str:
    if values.get("resolved"):
        return _("알려 드린 일의 확인이 끝났습니다. 열어서 확인해 주세요.")
    return _("가족에 관해 확인할 일이 생겨 담당자에게 알렸습니다. 열어서 확인해 주세요.")


def _topic(notification: Notification) -> str:
    """Messages about one emergency replace one another on the screen."""
    if notification.log_id:
        return f"emergency-{notification.log_id}"
    return f"notice-{notification.notice_id}" if notification.notice_id else str(notification.purpose)


def _lasts_s(purpose: str) -> int:
    if purpose == Purpose.ASK:
        return ASK_LASTS_S
    return ALERT_LASTS_S if purpose in {Purpose.ALERT, Purpose.TAKEN, Purpose.TEST, Purpose.CODE} else CALM_LASTS_S


def _for_the_worker(notification: Notification) -> dict[str, Any]:
    """What the service worker needs besides the words: where it says "shown", and what its buttons do."""
    staff_id = notification.staff_id or 0
    received = tokens.sign(tokens.RECEIVED, notification.pk, staff_id)
    push: dict[str, Any] = {
        "received": {"url": f"/api/v1/notifications/{notification.pk}/received", "token": received},
        "open": _("열기"),
        "lang": translation.get_language(),
        "words": {"failed": _("처리하지 못했습니다. 눌러서 열어 주세요.")},
    }
    if notification.purpose == Purpose.ALERT and notification.delivery_id:
        token = tokens.sign(tokens.ACKNOWLEDGE, notification.delivery_id, staff_id)
        push["act"] = {
            "label": pgettext("button", "접수"),
            "url": f"/api/v1/deliveries/{notification.delivery_id}/acknowledge",
        }
        push["act"]["token"] = token
        push["words"] |= {
            "done": _("접수했습니다. 눌러서 열어 주세요."),
            "other": _("다른 사람이 먼저 접수했습니다."),
            "over": _("이미 종료되었습니다."),
        }
    if notification.purpose == Purpose.ASK:
        token = tokens.sign(tokens.STILL_ON_IT, notification.pk, staff_id)
        push["act"] = {"label": _("계속 확인 중"), "url": f"/api/v1/notifications/{notification.pk}/still-on-it"}
        push["act"]["token"] = token
        push["words"] |= {"done": _("계속 확인 중으로 남겼습니다."), "other": _("담당이 바뀌었습니다.")}
        push["words"]["over"] = _("이미 종료되었습니다.")
    return push
