"""SMS and KakaoTalk Alimtalk by the HTTP API of SOLAPI (messages v4).

Each request is signed anew: HMAC-SHA256 over the time and a salt that is never used twice. What was taken is asked
about later, since a carrier knows only then whether a phone got it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime
from typing import Any

import requests
from django.conf import settings

from .failures import ChannelRefused, Refused, TryAgain
from .message import Accepted, Address, Message, Report

CONNECT_S, ANSWER_S = 5, 10
TAKEN = {"2000", "3000"}
ARRIVED = "4000"
# the platform's or a carrier's own trouble, or a phone that is busy, out of reach or off for now
TRANSIENT_STATUS = {"1024", "2024", "3012", "3024", "3040", "3041", "3042", "3043", "3053", "3056", "3057"}
# our key, our balance, our sender's number or template: every message fails until somebody mends it
OUR_FAULT = {
    "InvalidAPIKey",
    "SignatureDoesNotMatch",
    "NotEnoughBalance",
    "1030",
    "1041",
    "1042",
    "1062",
    "2062",
    "2230",
}
TRANSIENT_ERRORS = {"RequestTimeTooSkewed", "DuplicatedSignature", "TooManyRequests"}
MOBILE = re.compile(r"01[016789]\d{7,8}")


class NumberNotMobile(ValueError):
    """No number that a text message can be sent to."""


def is_configured() -> bool:
    return all(settings.ANBU_SOLAPI[name] for name in ("api_key", "api_secret", "sender"))


def has_alimtalk() -> bool:
    return is_configured() and bool(settings.ANBU_SOLAPI["channel"] and settings.ANBU_SOLAPI["template"])


def normalize_number(text: str) -> str:
    """The digits of a Korean mobile number. Raises NumberNotMobile."""
    digits = re.sub(r"[\s\-.()]", "", text)
    digits = re.sub(r"^(\+82|0082)0?", "0", digits)
    if not MOBILE.fullmatch(digits):
        raise NumberNotMobile("a Korean mobile number, such as 010-1234-5678")
    return digits


def send_text(address: Address, message: Message) -> Accepted:
    """Raises TryAgain, Refused."""
    text = "\n".join(part for part in (f"[{message.title}] {message.text}", message.url) if part)
    # carriers take the characters of EUC-KR alone, and refuse a message for a single other one
    return _post({"to": address.value, "text": text.encode("euc-kr", "replace").decode("euc-kr")})


def send_alimtalk(address: Address, message: Message) -> Accepted:
    """By the registered template; who does not use KakaoTalk gets it as a text message from the platform."""
    variables = {"#{제목}": message.title, "#{내용}": message.text, "#{링크}": message.url}
    chosen = {"pfId": settings.ANBU_SOLAPI["channel"], "templateId": settings.ANBU_SOLAPI["template"]}
    return _post({"to": address.value, "kakaoOptions": {**chosen, "variables": variables, "disableSms": False}})


def report(carrier_id: str) -> Report:
    """Whether a phone got it. Raises TryAgain, and Refused when it is known that none will.

    A message and what was sent in its place share the group that `carrier_id` names: one that arrived is enough.
    """
    query = {"criteria": "groupId", "cond": "eq", "value": carrier_id}
    rows = _call("GET", "/messages/v4/list", params=query).get("messageList") or {}
    codes = [str(row.get("statusCode", "")) for row in rows.values()]
    if ARRIVED in codes:
        return Report(has_arrived=True, code=ARRIVED)
    if not codes or any(code in TAKEN for code in codes):
        return Report(has_arrived=False, code=codes[0] if codes else "")
    raise Refused(codes[-1], "the carrier could not deliver it")


def _post(message: dict[str, Any]) -> Accepted:
    answer = _call("POST", "/messages/v4/send", json={"message": {"from": settings.ANBU_SOLAPI["sender"], **message}})
    status = str(answer.get("statusCode", ""))
    if status not in TAKEN | {ARRIVED}:
        raise _judge_status(status, str(answer.get("statusMessage", "")))
    return Accepted(carrier_id=str(answer.get("groupId", "")), code=status)


def _call(method: str, path: str, **arguments: Any) -> dict[str, Any]:
    url = settings.ANBU_SOLAPI["url"].rstrip("/") + path
    headers = {"Authorization": _authorization()}
    try:
        answer = requests.request(
            method, url, headers=headers, timeout=(CONNECT_S, ANSWER_S), allow_redirects=False, **arguments
        )
        body = answer.json()
    except requests.JSONDecodeError as error:
        raise TryAgain(str(answer.status_code), "the gateway did not answer in JSON") from error
    except requests.RequestException as error:
        raise TryAgain("unreachable", type(error).__name__) from error
    if answer.status_code != 200 or not isinstance(body, dict):
        raise _judge_error(answer, body if isinstance(body, dict) else {})
    return body


def _judge_error(answer: requests.Response, body: dict[str, Any]) -> Exception:
    code = str(body.get("errorCode") or answer.status_code)
    detail = str(body.get("errorMessage") or answer.reason)
    if answer.status_code >= 500 or answer.status_code == 429 or code in TRANSIENT_ERRORS:
        wait = answer.headers.get("Retry-After", "")
        return TryAgain(code, detail, float(wait) if wait.isdigit() else None)
    return _judge_status(code, detail)


def _judge_status(code: str, detail: str) -> Exception:
    if code in TRANSIENT_STATUS:
        return TryAgain(code, detail)
    return ChannelRefused(code, detail) if code in OUR_FAULT else Refused(code, detail)


def _authorization() -> str:
    key, secret = settings.ANBU_SOLAPI["api_key"], settings.ANBU_SOLAPI["api_secret"]
    date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    salt = secrets.token_hex(16)
    signature = hmac.new(secret.encode(), (date + salt).encode(), hashlib.sha256).hexdigest()
    return f"HMAC-SHA256 apiKey={key}, date={date}, salt={salt}, signature={signature}"
