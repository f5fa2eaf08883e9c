"""`/api/v1/seniors`: register, list, see and change seniors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from devices.models import IoTHub
from devices.registration import DeviceAlreadyRegistered, register_hub
from monitoring.emergency_json import moment
from monitoring.models import RiskState
from portal.api.senior_rows import ORDERINGS, choose, row_json, senior_rows
from portal.api.senior_serializers import (
    CreatedSeniorSerializer,
    NewSeniorSerializer,
    SeniorChangeSerializer,
    SeniorDetailSerializer,
    SeniorRowSerializer,
)
from seniors.access_log import record_request
from seniors.enrollment import enroll_senior, has_video_consent, set_video_consent
from seniors.models import Senior, Staff
from seniors.pagination import PageNumbers
from seniors.permissions import IsCareStaff, IsPerson, person
from seniors.problems import Problem

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


class SeniorListView(GenericAPIView[Senior]):
    serializer_class = SeniorRowSerializer
    pagination_class = PageNumbers

    def get_permissions(self) -> list[Any]:
        return [IsPerson() if self.request.method == "GET" else IsCareStaff()]

    def get_queryset(self) -> QuerySet[Senior]:
        return senior_rows(person(self.request))

    @extend_schema(
        parameters=[
            OpenApiParameter("search", str, description="in name and address"),
            OpenApiParameter("risk", str, enum=RiskState.Level.values),
            OpenApiParameter("hub_status", str, enum=IoTHub.Status.values),
            OpenApiParameter("ordering", str, enum=[*ORDERINGS, *(f"-{name}" for name in ORDERINGS)]),
        ],
        responses=SeniorRowSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(choose(self.get_queryset(), request.query_params)) or []
        record_request(request._request, "seniors.list", [senior.pk for senior in page])
        return self.get_paginated_response([row_json(senior) for senior in page])

    @extend_schema(request=NewSeniorSerializer, responses={201: CreatedSeniorSerializer})
    def post(self, request: Request) -> Response:
        form = NewSeniorSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        hub = values.pop("hub", None)
        api_key = None
        try:
            with transaction.atomic():
                senior = enroll_senior(person(request), **values)
                if hub:
                    _, key = register_hub(senior, hub["device_id"], person(request))
                    api_key = key.key
        except DeviceAlreadyRegistered as error:
            raise Problem(409, "device_already_registered", "that device is registered for somebody") from error
        record_request(request._request, "senior.create", senior.pk)
        body = detail_json(person(request), senior.pk)
        if api_key:
            body["hub"]["api_key"] = api_key
        return Response(body, status=201)


class SeniorView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(responses=SeniorDetailSerializer)
    def get(self, request: Request, senior_id: int) -> Response:
        body = detail_json(person(request), senior_id)
        record_request(request._request, "senior.view", senior_id)
        return Response(body)

    @extend_schema(request=SeniorChangeSerializer, responses=SeniorDetailSerializer)
    def patch(self, request: Request, senior_id: int) -> Response:
        staff = person(request)
        senior = get_object_or_404(Senior.objects.visible_to(staff), pk=senior_id)
        if staff.is_guardian and isinstance(request.data, dict) and set(request.data) - {"video_consent"}:
            raise PermissionDenied("a guardian changes video_consent alone")
        form = SeniorChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        changed = sorted(values)
        with transaction.atomic():
            if "video_consent" in values:
                set_video_consent(senior, values.pop("video_consent"), staff)
            if values:
                Senior.objects.filter(pk=senior_id).update(**values)
            record_request(request._request, "senior.change", senior_id, fields=changed)
        return Response(detail_json(staff, senior_id))


def detail_json(staff: Staff, senior_id: int) -> dict[str, Any]:
    """One senior, for somebody who may see them; Http404 for anybody else."""
    senior = get_object_or_404(senior_rows(staff), pk=senior_id)
    body = row_json(senior) | {
        "video_consent": has_video_consent(senior_id),
        "created_at": moment(senior.created_at),
    }
    return body if staff.is_guardian else body | {"health_info": senior.health_info}
