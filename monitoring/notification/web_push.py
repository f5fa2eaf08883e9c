"""Web push: encrypted for one browser (RFC 8291), signed by this installation's key (VAPID, RFC 8292)."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from py_vapid import Vapid
from pywebpush import WebPushException, webpush

from .failures import AddressGone, ChannelRefused, Refused, TryAgain
from .message import Accepted

if TYPE_CHECKING:
    from .message import Address, Message

CONNECT_S, ANSWER_S = 5, 10
LONGEST_TOPIC = 32


class EndpointNotAllowed(ValueError):
    """The address is no push service that we send to."""


def is_configured() -> bool:
    return bool(settings.ANBU_VAPID_PRIVATE_KEY)


def public_key() -> str:
    """What a browser subscribes with: the uncompressed point, base64url. Empty when push is not set up."""
    if not is_configured():
        return ""
    point = _key(settings.ANBU_VAPID_PRIVATE_KEY).public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def check_subscription(address: str, keys: dict[str, str]) -> None:
    """Raises EndpointNotAllowed for an address outside the known push services, ValueError for keys that are none.

    Without that list a person's subscription could make this server call any address of its own network.
    """
    parts = urlsplit(address)
    allowed = settings.ANBU_PUSH_SERVICES
    origin = f"{parts.scheme}://{parts.netloc}"
    host = parts.hostname or ""
    by_host = parts.scheme == "https" and parts.port in (None, 443) and not parts.username
    if origin not in allowed and not (by_host and any(host == one or host.endswith(f".{one}") for one in allowed)):
        raise EndpointNotAllowed(f"{host or address[:60]} is no push service that this portal sends to")
    point, auth = _decode(keys.get("p256dh", "")), _decode(keys.get("auth", ""))
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    if len(auth) != 16:
        raise ValueError("`auth` is 16 bytes in base64url")


def send(address: Address, message: Message) -> Accepted:
    """Raises TryAgain, Refused, AddressGone."""
    headers: dict[str, str | int | float] = {"Urgency": "high" if message.urgent else "normal"}
    if message.topic:
        headers["Topic"] = message.topic[:LONGEST_TOPIC]
    body = {
        "title": message.title,
        "body": message.text,
        "url": message.url,
        "purpose": message.purpose,
        "topic": message.topic,
        **message.push,
    }
    try:
        with _session() as session:
            answer = webpush(
                {"endpoint": address.value, "keys": address.keys},
                json.dumps(body, ensure_ascii=False),
                vapid_private_key=_key(settings.ANBU_VAPID_PRIVATE_KEY),
                vapid_claims={"sub": settings.ANBU_VAPID_SUBJECT},
                ttl=message.lasts_s,
                headers=headers,
                timeout=(CONNECT_S, ANSWER_S),
                requests_session=session,
            )
    except WebPushException as error:
        raise _judge(error) from error
    except requests.TooManyRedirects as error:
        raise Refused("redirect", "a push service does not redirect") from error
    except requests.RequestException as error:
        raise TryAgain("unreachable", type(error).__name__) from error
    except ValueError as error:
        raise Refused("bad_keys", str(error)) from error
    return Accepted(code=str(answer.status_code) if isinstance(answer, requests.Response) else "")


def _session() -> requests.Session:
    session = requests.Session()
    session.max_redirects = 0
    session.trust_env = False
    return session


def _judge(error: WebPushException) -> Exception:
    status = error.status_code or 0
    code = str(status)
    if status in (404, 410):
        return AddressGone(code, "the browser's subscription has ended")
    if not status:  # it never left: the library does not take the browser's keys
        return Refused("bad_keys", error.message.splitlines()[0])
    if status == 429 or status >= 500:
        return TryAgain(code, "the push service asks to wait", _seconds(error.retry_after))
    if status in (401, 403):  # the signature, or a browser that subscribed with another key
        return ChannelRefused(code, error.message.splitlines()[0])
    return Refused(code, error.message.splitlines()[0])


def _seconds(retry_after: str | None) -> float | None:
    """The header's value, which may be a number of seconds or a date."""
    if not retry_after:
        return None
    try:
        return float(retry_after)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None


@lru_cache(maxsize=2)
def _key(private_key: str) -> Vapid:
    return Vapid.from_string(private_key)


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
