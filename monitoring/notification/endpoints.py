"""A person's channels: added, proven by a code that only their owner can read, changed, removed."""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from . import apprise_urls, solapi, web_push
from .models import ChannelKind, NotificationEndpoint
from .planning import plan_code

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from seniors.models import Staff

CODE_LASTS = timedelta(minutes=10)
MOST_TRIES = 5
MOST_ENDPOINTS = 20
MOST_CODES_AN_HOUR = 6


class AddressRefused(ValueError):
    """Nothing can be sent there; says what would be taken."""


class TooManyEndpoints(Exception):
    """The person has as many channels as one may have."""


class CodeWrong(Exception):
    """Not the code that was sent, or too late, or after too many tries: ask for a new one."""


class TooManyCodes(Exception):
    """An address is not to be flooded with codes."""


@transaction.atomic
def add_endpoint(
    staff: Staff, kind: str, address: str, *, keys: dict[str, str] | None = None, name: str = ""
) -> NotificationEndpoint:
    """The person's channel of that kind and address, made unless it is there. A browser that subscribed proves itself;
    any other address gets a code. Raises AddressRefused, TooManyEndpoints, TooManyCodes."""
    address = normalize(kind, address, keys or {})
    mine = NotificationEndpoint.objects.select_for_update().filter(staff=staff)
    known = mine.filter(kind=kind, address=address).first()
    if known is None and mine.count() >= MOST_ENDPOINTS:
        raise TooManyEndpoints(f"at most {MOST_ENDPOINTS} channels; remove one that is not used")
    if kind == ChannelKind.WEB_PUSH:
        return _take_browser(staff, address, keys or {}, name)
    if known:
        return known
    last = mine.aggregate(last=Max("order"))["last"]
    endpoint = NotificationEndpoint.objects.create(
        staff=staff, kind=kind, address=address, name=name[:100], order=0 if last is None else last + 1
    )
    send_code(endpoint)
    return endpoint


def normalize(kind: str, address: str, keys: dict[str, str]) -> str:
    """The address as it is kept. Raises AddressRefused."""
    address = address.strip()
    try:
        if kind == ChannelKind.WEB_PUSH:
            web_push.check_subscription(address, keys)
        elif kind in (ChannelKind.SMS, ChannelKind.ALIMTALK):
            return solapi.normalize_number(address)
        elif kind == ChannelKind.EMAIL:
            validate_email(address)
            return address.lower()
        else:
            apprise_urls.check_url(address)
    except ValidationError as error:
        raise AddressRefused("an e-mail address, such as name@example.org") from error
    except ValueError as error:
        raise AddressRefused(str(error)) from error
    return address


def send_code(endpoint: NotificationEndpoint) -> None:
    """Sends a new code to the address; the one before it is worthless. Raises TooManyCodes."""
    recent = Q(created_at__gt=Now() - timedelta(hours=1), purpose="code")
    if endpoint.staff.notifications.filter(recent).count() >= MOST_CODES_AN_HOUR:
        raise TooManyCodes("too many codes in an hour; wait")
    code = f"{secrets.randbelow(10**6):06}"
    ends = timezone.now() + CODE_LASTS
    NotificationEndpoint.objects.filter(pk=endpoint.pk).update(
        code_digest=_digest(endpoint, code), code_expires_at=ends, code_tries=0
    )
    plan_code(endpoint, code, ends)


def verify(endpoint: NotificationEndpoint, code: str) -> datetime | None:
    """Takes the code that came; when the address was proven. Raises CodeWrong."""
    row = NotificationEndpoint.objects.filter(pk=endpoint.pk, code_expires_at__gt=Now(), code_tries__lt=MOST_TRIES)
    # the try is counted before it is judged, so that tries at the same time are each counted
    if not row.update(code_tries=F("code_tries") + 1):
        raise CodeWrong("the code is too old, or was tried too often")
    endpoint.refresh_from_db()
    if not endpoint.code_digest or not hmac.compare_digest(endpoint.code_digest, _digest(endpoint, code.strip())):
        raise CodeWrong("this is not the code that was sent")
    NotificationEndpoint.objects.filter(pk=endpoint.pk).update(
        verified_at=Now(), code_digest="", code_expires_at=None, code_tries=0
    )
    endpoint.refresh_from_db()
    return endpoint.verified_at


@transaction.atomic
def put_in_order(staff: Staff, endpoint_ids: list[int]) -> None:
    """The person's channels in that order; those not named come after it as they were."""
    rows = list(NotificationEndpoint.objects.select_for_update().filter(staff=staff))
    place = {endpoint_id: number for number, endpoint_id in enumerate(endpoint_ids)}
    for number, row in enumerate(sorted(rows, key=lambda row: (place.get(row.pk, len(rows)), row.order, row.pk))):
        if row.order != number:
            NotificationEndpoint.objects.filter(pk=row.pk).update(order=number)


def shown_address(endpoint: NotificationEndpoint) -> str:
    """The address as its owner may see it on a screen: without what would let others send there."""
    if endpoint.kind == ChannelKind.APPRISE:
        return apprise_urls.mask(endpoint.address)
    if endpoint.kind == ChannelKind.WEB_PUSH:
        return endpoint.address.split("/")[2]
    return endpoint.address


def _take_browser(staff: Staff, address: str, keys: dict[str, str], name: str) -> NotificationEndpoint:
    first = NotificationEndpoint.objects.filter(staff=staff).aggregate(last=Max("order"))["last"]
    values: dict[str, Any] = {
        "staff": staff,
        "keys": keys,
        "verified_at": Coalesce("verified_at", Now()),
        "enabled": True,
    }
    if name:
        values["name"] = name[:100]
    endpoint, _made = NotificationEndpoint.objects.update_or_create(
        kind=ChannelKind.WEB_PUSH,
        address=address,
        defaults=values,
        create_defaults={**values, "order": 0 if first is None else first + 1, "verified_at": Now()},
    )
    endpoint.refresh_from_db()
    return endpoint


def _digest(endpoint: NotificationEndpoint, code: str) -> str:
    return hmac.new(settings.SECRET_KEY.encode(), f"{endpoint.pk}:{code}".encode(), "sha256").hexdigest()
