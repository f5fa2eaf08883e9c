"""E-mail by Django's own mail settings."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import EmailMessage

from .failures import ChannelRefused, Refused, TryAgain
from .message import Accepted

if TYPE_CHECKING:
    from .message import Address, Message

NOWHERE = ("filebased.EmailBackend", "console.EmailBackend", "dummy.EmailBackend")
TRANSIENT = range(400, 500)
OUR_FAULT = {530, 534, 535}  # the server does not let us in


def is_configured() -> bool:
    """Whether mail leaves this machine; files in a folder reach nobody."""
    return not settings.EMAIL_BACKEND.endswith(NOWHERE)


def send(address: Address, message: Message) -> Accepted:
    """Raises TryAgain, Refused."""
    text = f"{message.text}\n\n{message.url}\n" if message.url else f"{message.text}\n"
    headers = {"Auto-Submitted": "auto-generated", "X-Priority": "1" if message.urgent else "3"}
    mail = EmailMessage(message.title, text, to=[address.value], headers=headers)
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()), (550, b""))
        raise _judge(code, reason) from error
    except smtplib.SMTPResponseException as error:
        raise _judge(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise TryAgain("unreachable", type(error).__name__) from error
    except ValueError as error:  # an address or a header that no server would take
        raise Refused("malformed", str(error)) from error
    return Accepted()


def _judge(code: int, reason: bytes | str) -> Exception:
    detail = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
    if code in TRANSIENT:
        return TryAgain(str(code), detail)
    return ChannelRefused(str(code), detail) if code in OUR_FAULT else Refused(str(code), detail)
