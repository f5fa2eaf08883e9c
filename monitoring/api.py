"""Emergencies and activity for people; the hub's events in the schema."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import RequestDataTooBig
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from devices.authentication import IsHub
from devices.strict_json import MalformedJSON
from seniors.access_log import record_request
from seniors.models import Senior, Staff
from seniors.pagination import PageNumbers
from seniors.permissions import IsCareStaff, IsPerson, person
from seniors.problems import Problem

from . import hub_batches, sensor_events, timeline
from .batch_examples import BATCH_EXAMPLES
from .emergency_filters import EMERGENCY_PARAMETERS, filter_emergencies
from .emergency_json import as_json, for_guardian
from .hub_batches import TooLarge
from .models import EmergencyLog
from .query_times import query_time
from .serializers import (
    ActivitySerializer,
    BatchAnswerSerializer,
    BatchSerializer,
    EmergencyDetailSerializer,
    EmergencySerializer,
)
from .time_buckets import BucketUnreadable, parse_width

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from rest_framework.request import Request

LONGEST_ACTIVITY = timedelta(days=92)


def shown_to(staff: Staff, logs: Iterable[EmergencyLog]) -> list[dict[str, Any]]:
    rows = [as_json(log) for log in logs]
    return [for_guardian(row) for row in rows] if staff.is_guardian else rows


class EmergencyListView(ListAPIView[EmergencyLog]):
    """Emergencies of the seniors whom one may see, newest first."""

    permission_classes = (IsPerson,)
    serializer_class = EmergencySerializer
    pagination_class = PageNumbers

    def get_queryset(self) -> QuerySet[EmergencyLog]:
        return EmergencyLog.objects.visible_to(person(self.request))

    @extend_schema(parameters=EMERGENCY_PARAMETERS, responses=EmergencySerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = filter_emergencies(self.get_queryset(), request.query_params).order_by("-log_id")
        page = self.paginate_queryset(rows) or []
        record_request(request._request, "emergencies.list", {log.senior_id for log in page})
        return self.get_paginated_response(shown_to(person(request), page))


class SeniorEmergencyListView(EmergencyListView):
    """The same for one senior; 404 for another's."""

    def get_queryset(self) -> QuerySet[EmergencyLog]:
        visible = Senior.objects.visible_to(person(self.request))
        senior = get_object_or_404(visible, pk=self.kwargs["senior_id"])
        return EmergencyLog.objects.filter(senior=senior)


class EmergencyView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(responses=EmergencyDetailSerializer)
    def get(self, request: Request, log_id: int) -> Response:
        staff = person(request)
        log = get_object_or_404(EmergencyLog.objects.visible_to(staff), pk=log_id)
        record_request(request._request, "emergency.view", log.senior_id)
        entries = timeline.timeline_of(log)
        shown = timeline.for_guardian(entries) if staff.is_guardian else entries
        return Response(shown_to(staff, [log])[0] | {"timeline": shown})


class ActivityView(APIView):
    """Events of a senior's home by sensor and bucket; the buckets are cut in Asia/Seoul."""

    permission_classes = (IsCareStaff,)

    @extend_schema(
        parameters=[
            OpenApiParameter("from", datetime, required=True),
            OpenApiParameter("to", datetime, required=True),
            OpenApiParameter("bucket", str, description="15m, 1h, 1d and the like; 1h if left out"),
        ],
        responses=ActivitySerializer,
    )
    def get(self, request: Request, senior_id: int) -> Response:
        senior = get_object_or_404(Senior.objects.visible_to(person(request)), pk=senior_id)
        since, until = query_time(request, "from"), query_time(request, "to")
        if not timedelta(0) < until - since <= LONGEST_ACTIVITY:
            raise Problem(400, "invalid", "`to` comes after `from`, by 92 days at most", errors={"to": ["too far"]})
        try:
            width = parse_width(request.query_params.get("bucket", "1h"))
        except BucketUnreadable as error:
            raise Problem(400, "invalid", str(error), errors={"bucket": [str(error)]}) from error
        record_request(request._request, "activity.view", senior.pk)
        return Response({"results": sensor_events.activity(sensor_events.hubs_of(senior.pk), since, until, width)})


class HubEventsView(APIView):
    """A batch of sensor events. Answered after the rows are durable; what was not answered may always be sent again.

    Also taken: `Content-Encoding: gzip`, and SenML (`Content-Type: application/senml+json`, RFC 8428) of boolean
    records with absolute times, `vs` being the event_content:
    `[{"bn": "home/", "bt": 1795303812.25, "n": "button", "vb": true, "vs": "sos"}]`.

    In front of this view stands the same rule as a plain ASGI application (monitoring/ingest_app.py).
    """

    permission_classes = (IsHub,)

    @extend_schema(
        # SenML is told in words: generated clients fail at a body that is an object or a list
        request=BatchSerializer,
        responses=BatchAnswerSerializer,
        examples=BATCH_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        arrived_at = datetime.now(UTC)
        hub = request.user
        try:
            packing = request.headers.get("Content-Encoding", "").strip().lower()
            body = hub_batches.unpack(request._request.body, packing)
            kind = request.headers.get("Content-Type", "")
            answer = hub_batches.take_batch(hub.hub_id, hub.senior_id, body, arrived_at, kind)  # type: ignore[union-attr]  # IsHub
        except (TooLarge, RequestDataTooBig):
            answer = hub_batches.too_large()
        except MalformedJSON as error:
            answer = hub_batches.refuse(400, "malformed", str(error))
        answered_as = None if answer.status == 200 else "application/problem+json"
        return Response(answer.body, status=answer.status, content_type=answered_as)
