"""`/api/v1/seniors/{senior_id}/absence`: the senior is away, in hospital, or has a visitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from seniors.access_log import record_request
from seniors.models import Senior
from seniors.permissions import IsCareStaff, person
from seniors.problems import Problem

from . import absences
from .absence_models import Absence
from .moment_field import MomentField

if TYPE_CHECKING:
    from rest_framework.request import Request


class AbsenceSerializer(serializers.Serializer[Any]):
    """At most 14 days, `hospital` 30 days, `visitor` 12 hours. `asked_at`: since when the question whether the senior
    is back is open."""

    until = MomentField(source="ends_at")
    kind = serializers.ChoiceField(choices=Absence.Kind.choices)
    note = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")
    asked_at = serializers.DateTimeField(read_only=True, allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        # `from` is no name that a class body could give
        return {"from": MomentField(source="starts_at"), **super().get_fields()}


class AbsenceView(APIView):
    permission_classes = (IsCareStaff,)

    @extend_schema(responses=AbsenceSerializer)
    def get(self, request: Request, senior_id: int) -> Response:
        """The absence that lasts or is planned; 404 `no_absence` where there is none."""
        senior = visible(request, senior_id)
        absence = absences.current(senior.pk)
        if absence is None:
            raise no_absence()
        record_request(request._request, "absence.view", senior.pk)
        return Response(AbsenceSerializer(absence).data)

    @extend_schema(request=AbsenceSerializer, responses=AbsenceSerializer)
    def put(self, request: Request, senior_id: int) -> Response:
        """In place of what was said before. While it lasts the model's findings raise nothing."""
        senior = visible(request, senior_id)
        form = AbsenceSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            absence = absences.set_absence(senior.pk, by=person(request), **form.validated_data)
        except absences.AbsenceOutOfRange as error:
            raise Problem(400, "invalid", str(error), errors={"until": [str(error)]}) from error
        record_request(request._request, "absence.set", senior.pk, kind=absence.kind)
        return Response(AbsenceSerializer(absence).data)

    @extend_schema(request=None, responses={204: OpenApiResponse(description="done")})
    def delete(self, request: Request, senior_id: int) -> Response:
        """The senior is back; 404 `no_absence` where there was none."""
        senior = visible(request, senior_id)
        if not absences.end_absence(senior.pk, person(request)):
            raise no_absence()
        record_request(request._request, "absence.end", senior.pk)
        return Response(status=204)


class AbsenceConfirmedView(APIView):
    permission_classes = (IsCareStaff,)

    @extend_schema(request=None, responses={204: OpenApiResponse(description="done")})
    def post(self, request: Request, senior_id: int) -> Response:
        """Still away: answers the question whether the senior is back."""
        senior = visible(request, senior_id)
        if not absences.confirm_absence(senior.pk):
            raise no_absence()
        record_request(request._request, "absence.confirm", senior.pk)
        return Response(status=204)


def visible(request: Request, senior_id: int) -> Senior:
    return get_object_or_404(Senior.objects.visible_to(person(request)), pk=senior_id)


def no_absence() -> Problem:
    return Problem(404, "no_absence", "the senior is not marked as away, in hospital or with a visitor")
