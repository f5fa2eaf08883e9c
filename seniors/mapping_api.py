"""`PUT | DELETE /api/v1/seniors/{senior_id}/staff/{staff_id}`: the supervisor says who cares for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import APIView

from .access_log import record_request
from .enrollment import map_staff, unmap_staff
from .models import Senior, Staff
from .permissions import IsSupervisor

if TYPE_CHECKING:
    from rest_framework.request import Request

DONE = {204: OpenApiResponse(description="done")}


class MappingView(APIView):
    permission_classes = (IsSupervisor,)

    @extend_schema(request=None, responses=DONE)
    def put(self, request: Request, senior_id: int, staff_id: int) -> Response:
        senior, staff = get_object_or_404(Senior, pk=senior_id), get_object_or_404(Staff, pk=staff_id)
        map_staff(staff, senior)
        record_request(request._request, "mapping.add", senior_id, staff_id=staff_id)
        return Response(status=204)

    @extend_schema(request=None, responses=DONE)
    def delete(self, request: Request, senior_id: int, staff_id: int) -> Response:
        if not unmap_staff(staff_id, senior_id):
            raise NotFound
        record_request(request._request, "mapping.remove", senior_id, staff_id=staff_id)
        return Response(status=204)
