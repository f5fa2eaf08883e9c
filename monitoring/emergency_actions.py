"""`POST /api/v1/emergencies/{log_id}/...`: what a person does about an emergency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from seniors.models import Staff
from seniors.permissions import IsCareStaff, person
from seniors.problems import Problem

from . import alerting, ownership
from .alerting import AnotherUnresolved, NotResolved
from .emergency_json import as_json
from .models import EmergencyLog, Outcome, Progress
from .ownership import NotAssignable, NotOwner, SnoozeOutOfRange
from .serializers import (
    AssignSerializer,
    EmergencySerializer,
    NoteSerializer,
    ProgressSerializer,
    ResolveSerializer,
    SnoozeSerializer,
)
from .transitions import AlreadyResolved

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.serializers import Serializer


class EmergencyActionView(APIView):
    """Reads the form, acts for a senior whom the person may see, answers with the emergency as it is then."""

    permission_classes = (IsCareStaff,)
    form: type[Serializer[Any]] | None = None

    def post(self, request: Request, log_id: int) -> Response:
        staff = person(request)
        get_object_or_404(EmergencyLog.objects.visible_to(staff), pk=log_id)
        values: dict[str, Any] = {}
        if self.form:
            form = self.form(data=request.data)
            form.is_valid(raise_exception=True)
            values = form.validated_data
        try:
            return Response(as_json(self.act(log_id, staff, values)))
        except AlreadyResolved as error:
            raise Problem(409, "already_resolved", f"the emergency was resolved as {error}") from error
        except NotOwner as error:
            raise Problem(409, "not_owner", str(error)) from error

    def act(self, log_id: int, staff: Staff, values: dict[str, Any]) -> EmergencyLog:
        raise NotImplementedError


@extend_schema(request=None, responses=EmergencySerializer)
class AcknowledgeView(EmergencyActionView):
    def act(self, log_id: int, staff: Staff, values: dict[str, Any]) -> EmergencyLog:
        return ownership.acknowledge(log_id, staff)


@extend_schema(request=ResolveSerializer, responses=EmergencySerializer)
class ResolveView(EmergencyActionView):
    form = ResolveSerializer

    def act(self, log_id: int, staff: Staff, values: dict[str, Any]) -> EmergencyLog:
        return alerting.resolve(log_id, staff, Outcome(values["outcome"]), values["note"])


@extend_schema(request=NoteSerializer, responses=EmergencySerializer)
class ReopenView(EmergencyActionView):
    """Undoes a resolution."""

    form = NoteSerializer

    def act(self, log_id: int, staff: Staff, values: dict[str, Any]) -> EmergencyLog:
        try:
            return alerting.reopen(log_id, staff, values["note"])
        except NotResolved as error:
            raise Problem(409, "not_resolved", str(error)) from error
        except AnotherUnresolved as error:
            raise Problem(409, "another_unresolved", str(error)) from error


@extend_schema(request=ProgressSerializer, responses=EmergencySerializer)
class ProgressView(EmergencyActionView):
    """The owner says what they do."""

    form = ProgressSerializer

    def act(self, log_id: int, staff: Staff, values: dict[str, Any]) -> EmergencyLog:
        return ownership.report_progress(log_id, staff, Progress(values["state"]), values["note"])


@extend_schema(request=SnoozeSerializer, responses=EmergencySerializer)
class SnoozeView(EmergencyActionView):
    """The owner quiets it until a time: 60 minutes ahead at most, 10 when it is critical."""

    form = SnoozeSerializer

    def act(self, log_id: int, staff: Staff, values: dict[str, Any]) -> EmergencyLog:
        try:
            return ownership.snooze(log_id, staff, values["until"])
        except SnoozeOutOfRange as error:
            detail = "`until` lies ahead, by 60 minutes at most, and by 10 when the emergency is critical"
            raise Problem(400, "invalid", detail, errors={"until": [detail]}) from error


@extend_schema(request=AssignSerializer, responses=EmergencySerializer)
class AssignView(EmergencyActionView):
    """Alerts another person, who becomes the owner by acknowledging within 60 s."""

    form = AssignSerializer

    def act(self, log_id: int, staff: Staff, values: dict[str, Any]) -> EmergencyLog:
        to = Staff.objects.filter(pk=values["staff_id"]).first()
        try:
            if to is None:
                raise NotAssignable("there is no such person")
            return ownership.assign(log_id, to, staff)
        except NotAssignable as error:
            raise Problem(400, "invalid", str(error), errors={"staff_id": [str(error)]}) from error
