"""Who carries what: for each kind of channel how it sends, and whether this installation has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import apprise_urls, mail, solapi, web_push
from .models import ChannelKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from .message import Accepted, Address, Message, Report


@dataclass(frozen=True)
class Carrier:
    """`send` raises what is in `failures`; `report` is None where nobody can be asked."""

    is_configured: Callable[[], bool]
    send: Callable[[Address, Message], Accepted]
    report: Callable[[str], Report] | None = None


CARRIERS: dict[str, Carrier] = {
    ChannelKind.WEB_PUSH: Carrier(web_push.is_configured, web_push.send),
    ChannelKind.ALIMTALK: Carrier(solapi.has_alimtalk, solapi.send_alimtalk, solapi.report),
    ChannelKind.SMS: Carrier(solapi.is_configured, solapi.send_text, solapi.report),
    ChannelKind.EMAIL: Carrier(mail.is_configured, mail.send),
    ChannelKind.APPRISE: Carrier(apprise_urls.is_configured, apprise_urls.send),
}


def configured_kinds() -> list[str]:
    return [kind for kind, carrier in CARRIERS.items() if carrier.is_configured()]
