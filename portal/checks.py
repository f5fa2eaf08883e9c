"""System checks: a misconfiguration is said before the service starts, with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from monitoring.notification import mail, solapi, web_push

if TYPE_CHECKING:
    from collections.abc import Sequence


@register(Tags.security, deploy=True)
def check_secrets(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    if settings.SECRET_KEY.startswith("unconfigured-"):
        problems.append(Error("SECRET_KEY is not set", hint="Set SECRET_KEY to 50 random characters.", id="anbu.E001"))
    if not settings.ANBU_KEY_PEPPER:
        problems.append(
            Error(
                "ANBU_KEY_PEPPER is not set",
                hint="Set it to 32 random bytes; a change of it ends every hub's key.",
                id="anbu.E002",
            )
        )
    if not settings.ANBU_ENTRY_CODE_KEYS:
        problems.append(
            Error(
                "ANBU_ENTRY_CODE_KEYS is not set",
                hint="Set it to 32 random bytes, and keep it: without it no stored entry code can be read again.",
                id="anbu.E007",
            )
        )
    if not settings.METRICS_TOKEN:
        problems.append(
            Warning("METRICS_TOKEN is not set", hint="/metrics refuses everybody until it is.", id="anbu.W003")
        )
    return problems


@register(Tags.security, deploy=True)
def check_channels(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Alarms that reach nobody are said before the service starts."""
    problems: list[CheckMessage] = []
    if not mail.is_configured():
        hint = "Set EMAIL_URL; until then mail lands as files and is not offered as a channel."
        problems.append(Warning("no mail server is set", hint=hint, id="anbu.W006"))
    if not web_push.is_configured():
        hint = "Run manage.py provision, or set ANBU_VAPID_PRIVATE_KEY."
        problems.append(Warning("push messages cannot be signed", hint=hint, id="anbu.W007"))
    if not solapi.is_configured():
        hint = "Set ANBU_SOLAPI_API_KEY, ANBU_SOLAPI_API_SECRET and ANBU_SOLAPI_SENDER."
        problems.append(Warning("text messages are not set up", hint=hint, id="anbu.W008"))
    if not settings.ANBU_OPERATOR_URLS and not mail.is_configured():
        hint = "Set EMAIL_URL or ANBU_OPERATOR_URLS."
        problems.append(Warning("operators cannot be told of trouble", hint=hint, id="anbu.W009"))
    return problems


@register(Tags.security, deploy=True)
def check_camera(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Half a TURN server is none: connections fail without a word."""
    problems: list[CheckMessage] = []
    if bool(settings.TURN_URLS) != bool(settings.TURN_SECRET):
        hint = "Set TURN_URLS and TURN_SECRET (coturn's static-auth-secret), or neither."
        problems.append(Error("only one of TURN_URLS and TURN_SECRET is set", hint=hint, id="anbu.E010"))
    for url in settings.TURN_URLS:
        if not url.startswith(("turn:", "turns:")):
            hint = "Write turn:HOST:3478?transport=udp or turns:HOST:5349."
            problems.append(Error(f"{url!r} in TURN_URLS is no TURN address", hint=hint, id="anbu.E011"))
    if not settings.TURN_URLS and not settings.ICE_SERVERS:
        hint = "Set TURN_URLS and TURN_SECRET: deploy/coturn. Browsers and hubs behind strict firewalls see no picture."
        problems.append(Warning("there is no TURN server", hint=hint, id="anbu.W012"))
    return problems


@register(Tags.compatibility)
def check_time_zone(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.TIME_ZONE != "Asia/Seoul":
        return [
            Error(
                f"TIME_ZONE is {settings.TIME_ZONE}",
                hint="Days and hours are learned in Asia/Seoul: leave it.",
                id="anbu.E004",
            )
        ]
    return []


@register(Tags.compatibility)
def check_redis_client(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    if int(redis.__version__.split(".")[0]) >= 8:
        return [
            Error(f"redis {redis.__version__} ends quiet sockets after 5 s", hint="Install redis<8.", id="anbu.E005")
        ]
    return []


@register(Tags.security)
def check_heartbeat_url(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """It is opened by a library that would open files too."""
    url = settings.ANBU_HEARTBEAT_URL
    if not url or url.startswith(("https://", "http://")):
        return []
    hint = "Set ANBU_HEARTBEAT_URL to the https:// address that the outside watcher gave you."
    return [Error("ANBU_HEARTBEAT_URL is no web address", hint=hint, id="anbu.E020")]
