"""What `manage.py doctor` finds about the channels beyond the page: which of them reach anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from monitoring.notification import mail, solapi, web_push
from portal.operation.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator


def look_at_channels() -> Iterator[Finding]:
    yield _look_at_mail()
    yield _look_at_web_push()
    yield _look_at_text_messages()
    yield _look_at_operators()


def _look_at_mail() -> Finding:
    name = _("메일")
    if not mail.is_configured():
        detail = _("보내지 않고 {folder}에 파일로 남깁니다.").format(folder=settings.EMAIL_FILE_PATH)
        return Finding(name, "notice", detail, _("EMAIL_URL에 메일 서버를 주십시오. 예: smtp+tls://user:pass@host:587"))
    return Finding(name, "ok", settings.EMAIL_HOST)


def _look_at_web_push() -> Finding:
    name = _("브라우저 알림")
    if not web_push.is_configured():
        return Finding(name, "broken", _("서명 키가 없습니다."), _("manage.py provision을 실행하십시오."))
    subject = settings.ANBU_VAPID_SUBJECT
    if "localhost" in subject or "@" not in subject:
        detail = _("연락처가 {subject} 입니다. 일부 브라우저 회사는 이를 거절합니다.").format(subject=subject)
        return Finding(name, "notice", detail, _("ANBU_VAPID_SUBJECT에 mailto: 주소를 주십시오."))
    if urlsplit(settings.ANBU_PUBLIC_URL).scheme != "https":
        detail = _("{url}에서는 이 컴퓨터의 브라우저만 구독할 수 있습니다.").format(url=settings.ANBU_PUBLIC_URL)
        return Finding(name, "notice", detail, _("ANBU_PUBLIC_URL에 https 주소를 주십시오."))
    return Finding(name, "ok", _("설정됨"))


def _look_at_text_messages() -> Finding:
    name = _("문자와 알림톡")
    if not solapi.is_configured():
        remedy = _("ANBU_SOLAPI_API_KEY, ANBU_SOLAPI_API_SECRET, ANBU_SOLAPI_SENDER를 주십시오.")
        return Finding(name, "notice", _("설정하지 않아 보낼 수 없습니다."), remedy)
    if not solapi.has_alimtalk():
        remedy = _("알림톡도 쓰려면 ANBU_SOLAPI_CHANNEL과 ANBU_SOLAPI_TEMPLATE을 주십시오.")
        return Finding(name, "ok", _("문자만 설정됨"), remedy)
    return Finding(name, "ok", _("설정됨"))


def _look_at_operators() -> Finding:
    name = _("운영자 알림")
    urls = len(settings.ANBU_OPERATOR_URLS)
    if not urls and not mail.is_configured():
        remedy = _("EMAIL_URL이나 ANBU_OPERATOR_URLS를 주십시오.")
        return Finding(name, "notice", _("문제가 생겨도 운영자에게 알릴 길이 없습니다."), remedy)
    return Finding(name, "ok", _("주소 {count}개").format(count=urls) if urls else _("메일로"))
