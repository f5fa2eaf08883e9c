"""`/api/v1/duties`: the on-call roster. Supervisors write it; whoever hands over has to read it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from seniors.access_log import record_request
from seniors.pagination import PageNumbers
from seniors.permissions import IsCareStaff, IsSupervisor
from seniors.problems import Problem

from .moment_field import MomentField
from .query_times import query_time
from .roster import may_serve
from .roster_models import Duty

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.permissions import BasePermission
    from rest_framework.request import Request

DONE = {204: OpenApiResponse(description="done")}


class DutySerializer(serializers.Serializer[Any]):
    """A shift: on duty from `from` until just before `until`."""

    duty_id = serializers.IntegerField(read_only=True)
    staff_id = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    until = MomentField(source="ends_at")
    rung = serializers.ChoiceField(choices=Duty.Rung.choices)

    def get_fields(self) -> dict[str, Any]:
        # `from` is no name that a class body could give
        return {**super().get_fields(), "from": MomentField(source="starts_at")}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["ends_at"] <= attrs["starts_at"]:
            raise serializers.ValidationError({"until": ["`until` comes after `from`"]})
        if not may_serve().filter(pk=attrs["staff_id"]).exists():
            raise serializers.ValidationError({"staff_id": ["that is no active caseworker or supervisor"]})
        return attrs


class DutyListView(ListAPIView[Duty]):
    serializer_class = DutySerializer
    pagination_class = PageNumbers

    def get_permissions(self) -> list[BasePermission]:
        return [IsSupervisor() if self.request.method == "POST" else IsCareStaff()]

    def get_queryset(self) -> QuerySet[Duty]:
        return Duty.objects.order_by("starts_at", "duty_id")

    @extend_schema(
        parameters=[
            OpenApiParameter("from", datetime, description="shifts that end after it; now if left out"),
            OpenApiParameter("until", datetime, description="shifts that begin before it"),
        ],
        responses=DutySerializer(many=True),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Shifts in the order of their beginning, those that are over left out unless `from` lies before them."""
        given = request.query_params
        rows = self.get_queryset().filter(ends_at__gt=query_time(request, "from") if "from" in given else Now())
        if "until" in given:
            rows = rows.filter(starts_at__lt=query_time(request, "until"))
        return self.get_paginated_response(DutySerializer(self.paginate_queryset(rows) or [], many=True).data)

    @extend_schema(request=DutySerializer, responses={201: DutySerializer})
    def post(self, request: Request) -> Response:
        """Puts a person on duty. The same shift again is 409 `duty_exists`."""
        form = DutySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            with transaction.atomic():
                duty = Duty.objects.create(**form.validated_data)
        except IntegrityError as error:
            raise Problem(409, "duty_exists", "this person has that shift already") from error
        record_request(request._request, "duty.add", None, duty_id=duty.pk, staff_id=duty.staff_id)
        return Response(DutySerializer(duty).data, status=201)


class DutyView(APIView):
    permission_classes = (IsSupervisor,)

    @extend_schema(request=None, responses=DONE)
    def delete(self, request: Request, duty_id: int) -> Response:
        """Takes a shift off the roster."""
        deleted, _rows = Duty.objects.filter(pk=duty_id).delete()
        if not deleted:
            raise NotFound
        record_request(request._request, "duty.remove", None, duty_id=duty_id)
        return Response(status=204)
