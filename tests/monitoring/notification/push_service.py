"""A push service and its browsers: takes a message as RFC 8030 has it, checks who signed it (RFC 8292), and opens it
with the browser's own key (RFC 8291), written from those texts and not from the library that the product uses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.monitoring.notification.local_server import Answer, LocalServer, Request


def to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_text(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


@dataclass
class Browser:
    """A subscription: its address at the service, its keys, and what came for it."""

    address: str
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))
    messages: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def keys(self) -> dict[str, str]:
        return {"p256dh": to_text(point_of(self.private.public_key())), "auth": to_text(self.auth)}

    def open(self, body: bytes) -> dict[str, Any]:
        """The message inside an `aes128gcm` body of one record."""
        salt, key_length = body[:16], body[20]
        sender_point, sealed = body[21 : 21 + key_length], body[21 + key_length :]
        sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender_point)
        shared = self.private.exchange(ec.ECDH(), sender)
        info = b"WebPush: info\0" + point_of(self.private.public_key()) + sender_point
        secret = mac(mac(self.auth, shared), info + b"\x01")
        pseudo_random = mac(salt, secret)
        key = mac(pseudo_random, b"Content-Encoding: aes128gcm\0\x01")[:16]
        nonce = mac(pseudo_random, b"Content-Encoding: nonce\0\x01")[:12]
        padded = AESGCM(key).decrypt(nonce, sealed, None)
        text, delimiter, rest = padded.rpartition(b"\x02")
        assert delimiter and not rest.strip(b"\0"), "the last record ends in its delimiter"
        message: dict[str, Any] = json.loads(text)
        return message


class PushService(LocalServer):
    def __init__(self, vapid_key: str = "") -> None:
        super().__init__()
        self.vapid_key = vapid_key
        self.browsers: dict[str, Browser] = {}

    def subscribe(self) -> Browser:
        path = f"/push/{os.urandom(8).hex()}"
        self.browsers[path] = Browser(self.url + path)
        return self.browsers[path]

    def unsubscribe(self, browser: Browser) -> None:
        self.browsers = {path: one for path, one in self.browsers.items() if one is not browser}

    def answer(self, request: Request) -> Answer:
        browser = self.browsers.get(request.path)
        if browser is None:
            return Answer(410)
        if not self._is_signed(request.headers.get("authorization", "")):
            return Answer(403)
        if request.headers.get("content-encoding") != "aes128gcm" or "ttl" not in request.headers:
            return Answer(400)
        if len(request.body) > 4096:
            return Answer(413)
        browser.headers.append(request.headers)
        browser.messages.append(browser.open(request.body))
        return Answer(201, headers={"Location": f"{self.url}/message/{len(browser.messages)}"})

    def _is_signed(self, header: str) -> bool:
        """Whether the key with which browsers subscribed signed it, for us, and for no longer than a day."""
        scheme, _, rest = header.partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        if scheme != "vapid" or parts["k"].rstrip("=") != self.vapid_key:
            return False
        signed, _, signature = parts["t"].rpartition(".")
        raw = from_text(signature)
        pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_text(self.vapid_key))
        key.verify(pair, signed.encode(), ec.ECDSA(SHA256()))
        claims = json.loads(from_text(signed.partition(".")[2]))
        lasts = claims["exp"] - time.time()
        return bool(claims["aud"] == self.url and 0 < lasts <= 24 * 3600 and claims["sub"].startswith("mailto:"))
