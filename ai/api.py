"""What AI workers ask of the backend, and what supervisors decide about weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring.risk import record_risks
from seniors.models import Senior, Staff
from seniors.permissions import IsSupervisor
from seniors.problems import Problem

from .authentication import IsServiceAccount, IsServiceAccountOrSupervisor
from .models import AIWeight
from .object_store import ObjectStoreAway
from .serializers import (
    ApplicationSerializer,
    LiveQuerySerializer,
    LiveWeightSerializer,
    RegistrationSerializer,
    RiskCountsSerializer,
    RisksSerializer,
    VersionQuerySerializer,
    WeightSerializer,
)
from .weight_registry import (
    Application,
    WeightsRefused,
    WeightsRejected,
    activate_weights,
    active_weights,
    live_at,
    register_weights,
    weights_of_version,
)

if TYPE_CHECKING:
    from rest_framework.permissions import BasePermission
    from rest_framework.request import Request


class SeniorWeightsView(APIView):
    permission_classes = [IsServiceAccountOrSupervisor]

    @extend_schema(
        operation_id="get_weights", parameters=[VersionQuerySerializer], responses=WeightSerializer, tags=["ai"]
    )
    def get(self, request: Request, senior_id: int) -> Response:
        """The active weights of a senior, or those of `version`."""
        query = VersionQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        version = query.validated_data.get("version")
        weight = active_weights(senior_id) if version is None else weights_of_version(senior_id, version)
        if weight is None:
            code = "no_active_weights" if version is None else "no_such_version"
            raise Problem(404, code, f"senior {senior_id} has none")
        return Response(WeightSerializer(weight).data)


class WeightsView(APIView):
    def get_permissions(self) -> list[BasePermission]:
        return [IsServiceAccount() if self.request.method == "POST" else IsServiceAccountOrSupervisor()]

    @extend_schema(
        operation_id="get_live_weights", parameters=[LiveQuerySerializer], responses=LiveWeightSerializer, tags=["ai"]
    )
    def get(self, request: Request) -> Response:
        """Which version was live at a time."""
        query = LiveQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        activation = live_at(query.validated_data["senior_id"], query.validated_data["at"])
        if activation is None:
            raise Problem(404, "no_active_weights", "no weights were live then")
        weight = WeightSerializer(activation.weight).data
        return Response({**weight, "activated_at": activation.activated_at})

    @extend_schema(
        operation_id="register_weights",
        request=ApplicationSerializer,
        responses={201: RegistrationSerializer, 200: RegistrationSerializer},
        tags=["ai"],
    )
    def post(self, request: Request) -> Response:
        """Applies for the registration of weights that lie in the object store; known ones are answered as they are."""
        body = ApplicationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            weight, created = register_weights(Application(**body.validated_data))
        except WeightsRefused as refusal:
            raise Problem(422, refusal.code, str(refusal)) from refusal
        except Senior.DoesNotExist as error:
            raise Problem(404, "no_such_senior", "there is no such senior") from error
        except ObjectStoreAway as error:
            raise Problem(503, "store_unavailable", "the object store is away; try again") from error
        return Response(RegistrationSerializer(weight).data, status=201 if created else 200)


class ActivationView(APIView):
    permission_classes = [IsSupervisor]

    @extend_schema(operation_id="activate_weights", request=None, responses=RegistrationSerializer, tags=["ai"])
    def post(self, request: Request, weight_id: int) -> Response:
        """Rolls a senior's weights back or forward."""
        if not isinstance(request.user, Staff):
            raise Problem(403, "forbidden", "for supervisors alone")
        try:
            weight = activate_weights(weight_id, request.user)
        except AIWeight.DoesNotExist as error:
            raise Problem(404, "no_such_weights", "there are no such weights") from error
        except WeightsRejected as error:
            raise Problem(409, "weights_rejected", str(error)) from error
        return Response(RegistrationSerializer(weight).data)


class RiskView(APIView):
    permission_classes = [IsServiceAccount]

    @extend_schema(operation_id="report_risk", request=RisksSerializer, responses=RiskCountsSerializer, tags=["ai"])
    def post(self, request: Request) -> Response:
        """Takes in what the scoring found. Levels colour the pages; nothing is raised from here."""
        body = RisksSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(record_risks(body.validated_data["risks"]))
