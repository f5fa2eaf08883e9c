"""SOLAPI's message API as its documents tell it: signed requests, error codes, and what becomes of a message later."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.monitoring.notification.local_server import Answer, LocalServer, Request

HEADER = re.compile(r"HMAC-SHA256 apiKey=(\w+), date=(\S+), salt=(\w+), signature=(\w+)")
MOST_SKEW_S = 15 * 60


class Solapi(LocalServer):
    def __init__(self) -> None:
        super().__init__()
        self.key, self.secret = "NCSTESTKEY", "a-secret"
        self.sender = "0212345678"
        self.template = "KA01TP000"
        self.balance = 100
        self.messages: list[dict[str, Any]] = []
        self._signatures: set[str] = set()

    @property
    def settings(self) -> dict[str, str]:
        return {
            "url": self.url,
            "api_key": self.key,
            "api_secret": self.secret,
            "sender": self.sender,
            "channel": "KA01PF000",
            "template": self.template,
        }

    def answer(self, request: Request) -> Answer:
        refusal = self._check(request.headers.get("authorization", ""))
        if refusal:
            return self._error(403, refusal)
        path = urlsplit(request.path)
        if path.path == "/messages/v4/send":
            return self._send(json.loads(request.body)["message"])
        if path.path == "/messages/v4/list":
            (group,) = parse_qs(path.query)["value"]
            rows = {row["messageId"]: row for row in self.messages if row["groupId"] == group}
            return Answer(200, {"startKey": None, "limit": 20, "messageList": rows})
        return self._error(404, "ResourceNotFound")

    def report(self, status: str, *, to: str = "") -> None:
        """What the carrier says later of the last message."""
        self.messages[-1]["statusCode"] = status

    def replace_by_text(self) -> None:
        """KakaoTalk could not deliver it: the platform sends a text message in its place, in the same group."""
        self.messages[-1]["statusCode"] = "3104"
        self.messages.append(
            {**self.messages[-1], "messageId": secrets.token_hex(8), "type": "SMS", "statusCode": "3000"}
        )

    def _check(self, header: str) -> str:
        match = HEADER.fullmatch(header)
        if not match:
            return "Unauthorized"
        key, date, salt, signature = match.groups()
        if key != self.key:
            return "InvalidAPIKey"
        expected = hmac.new(self.secret.encode(), (date + salt).encode(), hashlib.sha256).hexdigest()
        if not (12 <= len(salt) <= 64) or not hmac.compare_digest(signature, expected):
            return "SignatureDoesNotMatch"
        taken = datetime.fromisoformat(date)
        if abs((datetime.now(UTC) - taken).total_seconds()) > MOST_SKEW_S:
            return "RequestTimeTooSkewed"
        if signature in self._signatures:
            return "DuplicatedSignature"
        self._signatures.add(signature)
        return ""

    def _send(self, message: dict[str, Any]) -> Answer:
        kakao = message.get("kakaoOptions")
        if kakao is None and not message.get("text"):
            return self._error(400, "ValidationError")
        if message["from"] != self.sender:
            return self._error(400, "1062")
        if self.balance <= 0:
            return self._error(402, "NotEnoughBalance")
        if kakao and kakao["templateId"] != self.template:
            return self._error(400, "1042")
        if kakao is None:
            message["text"].encode("euc-kr")  # the carriers' characters
        kind = "ATA" if kakao else ("SMS" if len(message["text"].encode("euc-kr")) <= 90 else "LMS")
        ids = {"groupId": f"G4V{secrets.token_hex(8)}", "messageId": f"M4V{secrets.token_hex(8)}"}
        row = {**message, **ids, "type": kind, "statusCode": "2000", "statusMessage": "정상 접수(이통사로 접수 예정)"}
        self.messages.append(row)
        return Answer(200, {key: row[key] for key in (*ids, "to", "from", "type", "statusCode", "statusMessage")})

    def _error(self, status: int, code: str) -> Answer:
        return Answer(status, {"errorCode": code, "errorMessage": code})
