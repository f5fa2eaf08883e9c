"""The duty calendar: a week as lanes, and where nobody is first on duty."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from monitoring.roster import Span, find_gaps
from monitoring.roster_models import Duty
from portal.pages.desk import person_of

if TYPE_CHECKING:
    from django.http import HttpRequest

LEFT, TOP, LANE, HOUR = 96, 26, 30, 32
DAY_HEIGHT = 2 * LANE + 10
DAYS = 7


@dataclass(frozen=True)
class Shift:
    """A piece of a duty within one day; `label` is empty for a gap."""

    x: int
    y: int
    width: int
    label: str
    kind: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class DayRow:
    day: date
    y: int
    is_today: bool


@never_cache
def show_roster(request: HttpRequest) -> TemplateResponse:
    person_of(request)
    zone = timezone.get_current_timezone()
    first = read_day(request.GET.get("from", ""))
    first -= timedelta(days=first.weekday())
    start = datetime.combine(first, datetime.min.time(), zone)
    end = start + timedelta(days=DAYS)
    duties = list(Duty.objects.filter(ends_at__gt=start, starts_at__lt=end).select_related("staff"))
    firsts = [Span(duty.starts_at, duty.ends_at) for duty in duties if duty.rung == Duty.Rung.FIRST]
    gaps = find_gaps(firsts, max(start, timezone.now()), end) if end > timezone.now() else []
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("당직표"),
        "rows": [
            DayRow(first + timedelta(days=n), TOP + n * DAY_HEIGHT, first + timedelta(days=n) == timezone.localdate())
            for n in range(DAYS)
        ],
        "shifts": [
            piece
            for duty in duties
            for piece in cut(duty.starts_at, duty.ends_at, start, str(duty.staff), str(duty.rung))
        ]
        + [piece for gap in gaps for piece in cut(gap.starts_at, gap.ends_at, start, "", "gap")],
        "hours": [(LEFT + hour * HOUR, hour) for hour in range(0, 25, 3)],
        "width": LEFT + 24 * HOUR + 12,
        "height": TOP + DAYS * DAY_HEIGHT,
        "gaps": gaps,
        "duties": duties,
        "before": first - timedelta(days=DAYS),
        "after": first + timedelta(days=DAYS),
    }
    return TemplateResponse(request, "portal/roster.html", context)


def read_day(text: str) -> date:
    """Today for what is no date, or none that a calendar has a week around."""
    try:
        asked = date.fromisoformat(text)
    except ValueError:
        return timezone.localdate()
    return asked if abs((asked - timezone.localdate()).days) < 3650 else timezone.localdate()


def cut(starts_at: datetime, ends_at: datetime, start: datetime, label: str, kind: str) -> list[Shift]:
    """Pieces of one day each, on the week that begins at `start`. Pure."""
    pieces = []
    for n in range(DAYS):
        midnight = start + timedelta(days=n)
        begins, ends = max(starts_at, midnight), min(ends_at, midnight + timedelta(days=1))
        if begins < ends:
            x = LEFT + round((begins - midnight) / timedelta(hours=1) * HOUR)
            width = round((ends - begins) / timedelta(hours=1) * HOUR)
            y = TOP + n * DAY_HEIGHT + (LANE if kind == Duty.Rung.SECOND else 0)
            pieces.append(Shift(x, y, max(2, width - 2), label, kind, begins, ends))
    return pieces
