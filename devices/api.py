"""Hubs, safety checks and faults over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.db import transaction
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotAuthenticated
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from seniors.access_log import record_request
from seniors.models import Senior, Staff
from seniors.permissions import IsCareStaff
from seniors.problems import Problem

from . import claims, faults, installation_tests, registration, safety_checks
from .api_examples import CLAIM_EXAMPLES, CONFIG_EXAMPLE
from .authentication import IsHub
from .camera.ice import make_ice_servers
from .models import Fault, IoTHub, SafetyCheck
from .serializers import (
    CheckState,
    Claim,
    ClaimCode,
    ClaimedHub,
    FaultFilter,
    FaultState,
    HubConfig,
    HubRegistration,
    KeyRotation,
    RegisteredHub,
    RequestedCheck,
    RotatedKey,
    StartedTest,
    TestStart,
)

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

    from .authentication import HubPrincipal

NOT_KEPT = {"Cache-Control": "no-store"}  # an answer with a key in it


class CareView(APIView):
    permission_classes = (IsCareStaff,)


def caller(request: Request) -> Staff:
    """The person that IsCareStaff let through."""
    if not isinstance(request.user, Staff):
        raise NotAuthenticated
    return request.user


def visible_senior(user: Staff, senior_id: int) -> Senior:
    return get_object_or_404(Senior.objects.visible_to(user), pk=senior_id)


def visible_hub(user: Staff, hub_id: int) -> IoTHub:
    seniors = Senior.objects.visible_to(user)
    return get_object_or_404(IoTHub.objects.filter(deregistered_at=None, senior__in=seniors), pk=hub_id)


class SeniorHubView(CareView):
    @extend_schema(request=HubRegistration, responses={201: RegisteredHub})
    @transaction.atomic
    def post(self, request: Request, senior_id: int) -> Response:
        """Registers a hub for a senior who has none, or swaps the broken one that `replaces` names."""
        person = caller(request)
        senior = visible_senior(person, senior_id)
        form = HubRegistration(data=request.data)
        form.is_valid(raise_exception=True)
        device_id, replaces = form.validated_data["device_id"], form.validated_data.get("replaces")
        try:
            if replaces is None:
                hub, key = registration.register_hub(senior, device_id, person)
            else:
                hub, key = registration.replace_hub(senior, replaces, device_id, person)
        except registration.DeviceAlreadyRegistered as error:
            raise Problem(409, "device_already_registered", "deregister the device where it is first") from error
        except registration.SeniorHasHub as error:
            raise Problem(409, "senior_has_hub", "name the senior's hub in `replaces` to swap it") from error
        except registration.HubNotRegistered as error:
            raise Problem(409, "hub_not_registered", str(error)) from error
        record_request(request, "hub.register", senior_id, hub_id=hub.hub_id, replaces=replaces)
        answer = {"hub_id": hub.hub_id, "device_id": hub.device_id, "status": hub.status, "api_key": key.key}
        return Response(RegisteredHub(answer).data, status=201, headers=NOT_KEPT)


class HubView(CareView):
    @extend_schema(request=None, responses={204: None})
    @transaction.atomic
    def delete(self, request: Request, hub_id: int) -> Response:
        """Deregisters a hub: its key dies, its sockets and streams are closed within a second, its logs stay."""
        person = caller(request)
        hub = visible_hub(person, hub_id)
        try:
            registration.deregister(hub, person)
        except registration.HubNotRegistered as error:
            raise Problem(404, "not_found", str(error)) from error
        record_request(request, "hub.deregister", hub.senior_id, hub_id=hub_id)
        return Response(status=204)


class HubKeyView(CareView):
    @extend_schema(request=KeyRotation, responses={201: RotatedKey})
    @transaction.atomic
    def post(self, request: Request, hub_id: int) -> Response:
        """Issues a new key; the one before it lives on for `overlap_s` seconds."""
        hub = visible_hub(caller(request), hub_id)
        form = KeyRotation(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            rotation = registration.rotate_key(hub, form.validated_data["overlap_s"])
        except registration.HubNotRegistered as error:
            raise Problem(404, "not_found", str(error)) from error
        record_request(request, "hub.rotate_key", hub.senior_id, hub_id=hub_id)
        answer = {
            "api_key": rotation.key,
            "prefix": rotation.prefix,
            "created_at": rotation.created_at,
            "previous_key_expires_at": rotation.previous_key_expires_at,
        }
        return Response(RotatedKey(answer).data, status=201, headers=NOT_KEPT)


class HubClaimCodeView(CareView):
    @extend_schema(request=None, responses={201: ClaimCode})
    @transaction.atomic
    def post(self, request: Request, hub_id: int) -> Response:
        """A code that the hub exchanges for its key: to type in, or to scan. The one before it dies."""
        hub = visible_hub(caller(request), hub_id)
        claim = claims.issue_claim(hub)
        record_request(request, "hub.claim_code", hub.senior_id, hub_id=hub_id)
        qr_text = claims.as_qr_text(request.build_absolute_uri("/"), hub.device_id, claim.code)
        answer = {"code": claim.code, "qr_text": qr_text, "expires_at": claim.expires_at}
        return Response(ClaimCode(answer).data, status=201, headers=NOT_KEPT)


class HubClaimView(APIView):
    """The code is the credential: whoever sends it needs no other."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(request=Claim, responses={201: ClaimedHub}, auth=[], examples=CLAIM_EXAMPLES)
    def post(self, request: Request) -> Response:
        """Exchanges a claim code for the hub's key. Every key before it dies; an answer lost needs a new code."""
        form = Claim(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            hub, rotation = claims.take_claim(form.validated_data["device_id"], form.validated_data["code"])
        except claims.ClaimRefused as error:
            raise Problem(401, "invalid_claim", str(error)) from error
        record_request(request, "hub.claim", hub.senior_id, hub_id=hub.hub_id)
        answer = {"hub_id": hub.hub_id, "senior_id": hub.senior_id, "device_id": hub.device_id}
        return Response(ClaimedHub(answer | {"api_key": rotation.key}).data, status=201, headers=NOT_KEPT)


class HubTestView(CareView):
    @extend_schema(request=TestStart, responses={201: StartedTest})
    @transaction.atomic
    def post(self, request: Request, hub_id: int) -> Response:
        """For `minutes`, presses ring the caller alone. One not resolved as `test` within 60 s rings everybody."""
        person = caller(request)
        hub = visible_hub(person, hub_id)
        form = TestStart(data=request.data)
        form.is_valid(raise_exception=True)
        test = installation_tests.start(hub, person, form.validated_data["minutes"])
        record_request(request, "hub.test", hub.senior_id, hub_id=hub_id, minutes=form.validated_data["minutes"])
        return Response(StartedTest(test).data, status=201)


class SeniorSafetyCheckView(CareView):
    @extend_schema(request=None, responses={202: RequestedCheck})
    @transaction.atomic
    def post(self, request: Request, senior_id: int) -> Response:
        """Asks the robot to ask the senior. A check that is still running is returned again."""
        person = caller(request)
        senior = visible_senior(person, senior_id)
        try:
            check = safety_checks.request(senior, person)
        except safety_checks.NoHub as error:
            raise Problem(409, "no_hub", "the senior has no registered hub") from error
        record_request(request, "safety_check.request", senior_id, check_id=check.check_id)
        return Response(RequestedCheck(check).data, status=202)


class SafetyCheckView(CareView):
    @extend_schema(responses=CheckState)
    def get(self, request: Request, check_id: int) -> Response:
        seniors = Senior.objects.visible_to(request.user)
        check = get_object_or_404(SafetyCheck.objects.filter(senior__in=seniors), pk=check_id)
        record_request(request, "safety_check.read", check.senior_id, check_id=check_id)
        return Response(CheckState(check).data)


@extend_schema(parameters=[OpenApiParameter("open", bool, description="true: not cleared; false: cleared; else all")])
class FaultListView(ListAPIView[Fault]):
    """Faults of the equipment, newest first."""

    permission_classes = (IsCareStaff,)
    serializer_class = FaultState
    queryset = Fault.objects.none()  # tells the schema the model

    def get_queryset(self) -> QuerySet[Fault]:
        form = FaultFilter(data=self.request.query_params)
        form.is_valid(raise_exception=True)
        seen = faults.visible(self.request.user)
        is_open = form.validated_data["open"]
        return seen if is_open is None else seen.filter(cleared_at__isnull=is_open)


class FaultSeenView(CareView):
    @extend_schema(request=None, responses=FaultState)
    @transaction.atomic
    def post(self, request: Request, fault_id: int) -> Response:
        """Notes that somebody saw the fault; the first one stays."""
        person = caller(request)
        fault = get_object_or_404(faults.visible(person), pk=fault_id)
        faults.mark_seen(fault, person)
        fault.refresh_from_db()
        record_request(request, "fault.seen", fault.hub.senior_id, fault_id=fault_id)
        return Response(FaultState(fault).data)


class HubConfigView(APIView):
    permission_classes = (IsHub,)

    @extend_schema(responses=HubConfig, examples=[CONFIG_EXAMPLE])
    def get(self, request: Request) -> Response:
        """What a hub needs to know to behave."""
        hub = cast("HubPrincipal", request.user)  # IsHub lets nobody else in
        config = {
            "hub_id": hub.hub_id,
            "senior_id": hub.senior_id,
            "heartbeat_interval_s": settings.HEARTBEAT_INTERVAL_S,
            "batch_max_events": settings.BATCH_MAX_EVENTS,
            "batch_max_delay_s": settings.BATCH_MAX_DELAY_S,
            "ice_servers": make_ice_servers(f"hub-{hub.hub_id}"),
            "server_time": datetime.now(UTC),
        }
        return Response(HubConfig(config).data)
