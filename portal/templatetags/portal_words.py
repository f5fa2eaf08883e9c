"""Times, spans and shapes as the pages show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _

from monitoring.notice_words import say_notice
from monitoring.risk_words import say_emergency, say_minutes, say_reasons
from monitoring.sensor_words import say_room, say_sensor
from portal.pages.share_bars import Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from django.utils.safestring import SafeString

    from monitoring.models import EmergencyLog
    from monitoring.notice_models import Notice

register = template.Library()


@register.filter
def clock(at: datetime | None) -> str:
    """16:42 today, 11/22 16:42 on another day, all in Asia/Seoul."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    same_day = local.date() == timezone.localtime().date()
    return date_format(local, "TIME_FORMAT" if same_day else "SHORT_DATETIME_FORMAT")


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """A `<time>` with the clock as its text and the whole moment for machines and the pointer."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    whole = local.strftime("%Y-%m-%d %H:%M:%S")
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), whole, clock(at))


def say_elapsed(at: datetime, now: datetime) -> str:
    """How long since, in one unit or two: 12초째, 3분째, 1시간 5분째, 3일째."""
    seconds = max(0, int((now - at).total_seconds()))
    minutes, hours = seconds // 60, seconds // 3600
    if seconds < 60:
        return _("%(n)d초째") % {"n": seconds}
    if minutes < 60:
        return _("%(n)d분째") % {"n": minutes}
    if hours < 24:
        return _("%(hours)d시간 %(minutes)d분째") % {"hours": hours, "minutes": minutes % 60}
    return _("%(n)d일째") % {"n": hours // 24}


@register.filter
def elapsed(at: datetime | None) -> SafeString | str:
    """The same as a `<time>` that the page's script keeps going."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    text = say_elapsed(at, timezone.now())
    return format_html('<time class="elapsed" datetime="{}" data-elapsed>{}</time>', local.isoformat(), text)


def say_ago(at: datetime, now: datetime) -> str:
    minutes = max(0, int((now - at).total_seconds())) // 60
    if minutes < 1:
        return _("방금")
    if minutes < 60:
        return _("%(n)d분 전") % {"n": minutes}
    if minutes < 24 * 60:
        return _("%(n)d시간 전") % {"n": minutes // 60}
    return _("%(n)d일 전") % {"n": minutes // (24 * 60)}


@register.filter
def ago(at: datetime | None) -> str:
    return say_ago(at, timezone.now()) if at else "–"


@register.filter
def in_words(reasons: Sequence[Mapping[str, Any]]) -> str:
    return say_reasons(reasons)


@register.filter
def why(emergency: EmergencyLog) -> str:
    """What happened, in the reader's language."""
    return say_emergency(emergency.description, emergency.reasons)


@register.filter
def told(notice: Notice) -> str:
    return say_notice(notice)


@register.filter
def sensor(sensor_id: str) -> str:
    return say_sensor(sensor_id)


@register.filter
def room(sensor_id: str) -> str:
    return say_room(sensor_id)


@register.filter
def minutes(number: float) -> str:
    """A span of minutes in words."""
    return say_minutes(number)


@register.filter
def span(seconds: float) -> str:
    """A span of seconds in words, to the minute."""
    return say_minutes(seconds / 60)


@register.filter
def figure(value: Any) -> str:
    """A cell of a table: a share as percent, nothing as a dash."""
    if value is None:
        return "–"
    return f"{value * 100:.1f}%" if isinstance(value, Share) else str(value)


@register.filter
def short_day(day: date) -> str:
    """11/22 (일): Django's short weekdays of Korean are the long ones."""
    names = (_("월"), _("화"), _("수"), _("목"), _("금"), _("토"), _("일"))
    return f"{day.month}/{day.day} ({names[day.weekday()]})"


@register.filter
def local_day(at: datetime) -> str:
    return short_day(timezone.localtime(at).date())


@register.filter
def health_lines(health_info: Any) -> list[tuple[str, str]]:
    """Free JSON of the senior's health as label and text, whatever its shape."""
    if isinstance(health_info, dict):
        return [(str(name), _flatten(value)) for name, value in health_info.items() if value not in (None, "", [], {})]
    return [("", _flatten(health_info))] if health_info else []


def _flatten(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_flatten(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flatten(item)}" for name, item in value.items())
    return str(value)
