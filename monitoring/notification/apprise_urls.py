"""Everything else (Telegram, Slack, Teams, ntfy ...) by the URLs that apprise knows."""

from __future__ import annotations

from urllib.parse import urlsplit

import apprise
from django.conf import settings

from .failures import Refused, TryAgain
from .message import Accepted, Address, Message


class UrlNotAllowed(ValueError):
    """No URL of a messenger that people may name."""


def is_configured() -> bool:
    return True


def check_url(url: str) -> None:
    """Raises UrlNotAllowed. People may name hosted messengers alone: other schemes would let a person's entry make this
    server call its own network or run programs; operators set those in the environment."""
    scheme = urlsplit(url).scheme.lower()
    if scheme not in settings.ANBU_MESSENGERS:
        raise UrlNotAllowed(f"{scheme or url[:20]!r} is none of: {', '.join(settings.ANBU_MESSENGERS)}")
    if apprise.Apprise.instantiate(url, suppress_exceptions=True) is None:
        raise UrlNotAllowed("the address is not complete")


def mask(url: str) -> str:
    """The URL without its secrets, to be shown."""
    messenger = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if messenger is None:
        return urlsplit(url).scheme + "://…"
    shown: str = messenger.url(privacy=True)  # type: ignore[no-untyped-call]  # apprise is typed in part
    return shown.partition("?")[0]


def send(address: Address, message: Message) -> Accepted:
    """Raises TryAgain, Refused. apprise tells only that it failed, so all but an unreadable URL is tried again."""
    channel = apprise.Apprise()
    if not channel.add(address.value):
        raise Refused("malformed", "apprise does not know this URL")
    kind = apprise.NotifyType.FAILURE if message.urgent else apprise.NotifyType.INFO
    body = f"{message.text}\n{message.url}" if message.url else message.text
    try:
        was_sent = channel.notify(body=body, title=message.title, notify_type=kind)
    except TypeError as error:
        raise Refused("malformed", str(error)) from error
    if not was_sent:
        raise TryAgain("not_sent", "the messenger did not take it")
    return Accepted()
