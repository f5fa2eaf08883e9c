"""Statistics: how fast emergencies were taken, what was false, what was done in time, how long hubs were there.

Drills and installation tests count nowhere. A download asks for its reason, which goes into the access log.
"""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import xlsxwriter  # type: ignore[import-untyped]  # ships no types
from django.contrib import admin, messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from portal.pages import statistics_queries as queries
from portal.pages.desk import person_of
from portal.pages.share_bars import Bar, draw_shares
from seniors.access_log import record_request
from seniors.models import Senior

if TYPE_CHECKING:
    from django.http import HttpRequest

    from seniors.models import Staff

SPANS = (7, 28, 91, 365)
USUAL_SPAN = 28
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@never_cache
def show_statistics(request: HttpRequest) -> TemplateResponse:
    days = read_days(request.GET.get("days", ""))
    tables = gather_tables(person_of(request), days)
    record_request(request, "statistics.view", None, days=days)
    context = {
        **admin.site.each_context(request),
        "title": _("통계"),
        "days": days,
        "spans": SPANS,
        "tables": tables,
        "weeks": draw_shares([Bar(row[0], row[2], row[3], row[1]) for row in tables["responses"]["rows"]]),
    }
    return TemplateResponse(request, "portal/statistics.html", context)


@never_cache
@require_POST
def download_statistics(request: HttpRequest) -> HttpResponse:
    """The tables as one CSV or as a workbook; without a reason there is none."""
    days, reason = read_days(request.POST.get("days", "")), request.POST.get("reason", "").strip()
    if not reason:
        messages.error(request, _("내려받는 까닭을 적어 주세요. 기록에 남습니다."))
        return redirect("admin:statistics")
    as_workbook = request.POST.get("format") == "xlsx"
    record_request(
        request, "statistics.export", None, reason=reason, days=days, format="xlsx" if as_workbook else "csv"
    )
    tables = gather_tables(person_of(request), days)
    name = f"anbu-statistics-{timezone.localdate():%Y%m%d}-{days}d"
    if as_workbook:
        return attach(write_workbook(tables), XLSX, f"{name}.xlsx")
    return attach(write_csv(tables), "text/csv; charset=utf-8", f"{name}.csv")


def gather_tables(user: Staff, days: int) -> dict[str, dict[str, Any]]:
    """Name -> title, columns, rows; about the seniors whom `user` may see."""
    since = timezone.now() - timedelta(days=days)
    seniors = (
        None if user.is_supervisor else list(Senior.objects.visible_to(user).order_by().values_list("pk", flat=True))
    )
    week = (_("주"), _("응급 상황"), _("60초 안 접수"), _("180초 안 접수"))
    outcomes = (_("실제"), _("오경보"), _("기기"), _("오경보 비율"))
    return {
        "responses": {
            "title": _("접수까지 걸린 시간"),
            "columns": week,
            "rows": queries.count_responses(since, seniors),
        },
        "types": {
            "title": _("종류별 결과"),
            "columns": (_("종류"), *outcomes),
            "rows": queries.count_outcomes(since, seniors),
        },
        "sensors": {
            "title": _("센서별 결과"),
            "columns": (_("센서"), *outcomes),
            "rows": queries.count_sensor_outcomes(since, seniors),
        },
        "tasks": {
            "title": _("할 일"),
            "columns": (_("종류"), _("제때"), _("늦게"), _("남음"), _("제때 비율")),
            "rows": queries.count_tasks(since, seniors),
        },
        "hubs": {
            "title": _("허브 연결"),
            "columns": (_("허브"), _("끊긴 횟수"), _("끊긴 시간"), _("연결된 시간 비율")),
            "rows": queries.count_uptime(since, seniors),
        },
    }


def read_days(text: str) -> int:
    return int(text) if text.isdigit() and int(text) in SPANS else USUAL_SPAN


def write_csv(tables: dict[str, dict[str, Any]]) -> bytes:
    """With a mark of its encoding in front: Excel opens Korean wrongly without it."""
    text = io.StringIO()
    writer = csv.writer(text)
    for table in tables.values():
        writer.writerow([table["title"]])
        writer.writerow(table["columns"])
        writer.writerows([disarm(cell) for cell in row] for row in table["rows"])
        writer.writerow([])
    return ("\ufeff" + text.getvalue()).encode()


def disarm(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula, made a text: a sensor's id comes from outside."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" else cell


def write_workbook(tables: dict[str, dict[str, Any]]) -> bytes:
    data = io.BytesIO()
    book = xlsxwriter.Workbook(data, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    bold = book.add_format({"bold": True})
    for table in tables.values():
        sheet = book.add_worksheet(str(table["title"])[:31])
        sheet.write_row(0, 0, [str(column) for column in table["columns"]], bold)
        for place, row in enumerate(table["rows"], 1):
            sheet.write_row(place, 0, row)
        sheet.autofit()
    book.close()
    return data.getvalue()


def attach(data: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(data, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
