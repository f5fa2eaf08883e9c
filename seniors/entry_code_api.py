"""`/api/v1/seniors/{senior_id}/entry-code`: set by PUT, shown by POST, never by GET."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from .access_log import record_request
from .entry_codes import LONGEST, EntryCodesLocked, reveal_entry_code, store_entry_code
from .models import Senior
from .permissions import IsCareStaff, person
from .problems import Problem

if TYPE_CHECKING:
    from rest_framework.request import Request


class EntryCodeSerializer(serializers.Serializer[Any]):
    entry_code = serializers.CharField(max_length=LONGEST, allow_blank=True)


class EntryCodeView(APIView):
    permission_classes = (IsCareStaff,)

    @extend_schema(request=EntryCodeSerializer, responses={204: OpenApiResponse(description="kept")})
    def put(self, request: Request, senior_id: int) -> Response:
        senior = self.find(request, senior_id)
        body = EntryCodeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            store_entry_code(senior, body.validated_data["entry_code"], person(request))
        except EntryCodesLocked as error:
            raise locked(error) from error
        record_request(request._request, "entry_code.change", senior_id)
        return Response(status=204)

    @extend_schema(request=None, responses=EntryCodeSerializer)
    def post(self, request: Request, senior_id: int) -> Response:
        senior = self.find(request, senior_id)
        # the trace is written first: nobody sees a code without one
        record_request(request._request, "entry_code.reveal", senior_id)
        try:
            return Response({"entry_code": reveal_entry_code(senior)})
        except EntryCodesLocked as error:
            raise locked(error) from error

    def find(self, request: Request, senior_id: int) -> Senior:
        return get_object_or_404(Senior.objects.visible_to(person(request)), pk=senior_id)


def locked(error: EntryCodesLocked) -> Problem:
    return Problem(503, "entry_codes_locked", str(error))
