"""`/api/v1/reports/response-times`: how soon emergencies are taken, for supervisors; `.csv` is the same as a table."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from seniors.access_log import record_request
from seniors.permissions import IsSupervisor

from . import response_times
from .query_times import query_time

if TYPE_CHECKING:
    from rest_framework.request import Request

    from .response_times import Line, Report

BOM = "\ufeff"  # or Excel takes Korean names for something else
SPAN = timedelta(weeks=12)
BETWEEN = [
    OpenApiParameter("from", OpenApiTypes.DATETIME, description="raised since then; twelve weeks ago if left out"),
    OpenApiParameter("until", OpenApiTypes.DATETIME, description="raised before then; now if left out"),
]


class ShareSerializer(serializers.Serializer[Any]):
    limit_s = serializers.IntegerField()
    met = serializers.IntegerField()
    counted = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    promised = serializers.FloatField()
    is_kept = serializers.BooleanField(allow_null=True)


class LineSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    emergencies = serializers.IntegerField()
    waiting = serializers.IntegerField()
    shares = ShareSerializer(many=True)
    median_s = serializers.FloatField(allow_null=True)
    longest_s = serializers.FloatField(allow_null=True)


class ReportSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    whole = LineSerializer()
    weeks = LineSerializer(many=True)
    people = LineSerializer(many=True)


def line_json(line: Line) -> dict[str, Any]:
    shares = [
        asdict(share)
        | {"value": share.value, "promised": response_times.PROMISED[share.limit_s], "is_kept": share.is_kept}
        for share in line.shares
    ]
    return asdict(line) | {"shares": shares}


def read_report(request: Request) -> Report:
    """Of the time that the query names; the reading leaves its trace, since it tells of people's work."""
    given = request.query_params
    until = query_time(request, "until") if "until" in given else datetime.now(UTC)
    since = query_time(request, "from") if "from" in given else until - SPAN
    record_request(request._request, "reports.response_times", None)
    return response_times.report(since, until)


class ResponseTimesView(APIView):
    permission_classes = [IsSupervisor]

    @extend_schema(parameters=BETWEEN, responses=ReportSerializer)
    def get(self, request: Request) -> Response:
        """Shares of emergencies taken within 60 s and 180 s: the whole, by week, and by who took them."""
        told = read_report(request)
        lines = {"weeks": [line_json(line) for line in told.weeks], "people": [line_json(line) for line in told.people]}
        return Response({"since": told.since, "until": told.until, "whole": line_json(told.whole), **lines})


class ResponseTimesTableView(APIView):
    permission_classes = [IsSupervisor]

    @extend_schema(
        parameters=BETWEEN, responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="a table")}
    )
    def get(self, request: Request) -> HttpResponse:
        """The same as a table for spreadsheets."""
        table = BOM + response_times.as_csv(read_report(request))
        headers = {"Content-Disposition": 'attachment; filename="response-times.csv"'}
        return HttpResponse(table, content_type="text/csv; charset=utf-8", headers=headers)
