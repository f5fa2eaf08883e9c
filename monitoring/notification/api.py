"""`/api/v1/notification-endpoints` and what notifications answer by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring.ownership import NotOwner
from seniors.pagination import PageNumbers
from seniors.permissions import IsPerson, person
from seniors.problems import Problem

from . import answers, endpoints, planning, web_push
from .answers import AnswerTooLate, MayNotAnswer
from .carriers import configured_kinds
from .endpoints import AddressRefused, CodeWrong, TooManyCodes, TooManyEndpoints
from .models import Notification, NotificationAttempt, NotificationEndpoint
from .serializers import (
    AnswerSerializer,
    ChannelsSerializer,
    CodeSerializer,
    EndpointSerializer,
    NewEndpointSerializer,
    NotificationSerializer,
    OrderSerializer,
    TokenSerializer,
)
from .tokens import TokenInvalid

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class ChannelsView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(responses=ChannelsSerializer)
    def get(self, request: Request) -> Response:
        """The channels of this installation."""
        kinds = configured_kinds()
        key = web_push.public_key()
        return Response({"kinds": kinds, "web_push_key": key, "messengers": settings.ANBU_MESSENGERS})


class EndpointListView(APIView):
    """One's own channels, in the order in which they are used."""

    permission_classes = (IsPerson,)

    @extend_schema(responses=EndpointSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(EndpointSerializer(person(request).notification_endpoints.all(), many=True).data)

    @extend_schema(request=NewEndpointSerializer, responses={201: EndpointSerializer})
    def post(self, request: Request) -> Response:
        """Adds a channel. A code goes to the address, which `verify` takes; a browser's subscription needs none."""
        form = NewEndpointSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        values: dict[str, Any] = form.validated_data
        kind, address = values.pop("kind"), values.pop("address")
        if kind not in configured_kinds():
            raise Problem(409, "not_configured", f"this installation cannot send by {kind}")
        try:
            endpoint = endpoints.add_endpoint(person(request), kind, address, **values)
        except AddressRefused as error:
            raise Problem(400, "invalid", str(error), errors={"address": [str(error)]}) from error
        except TooManyEndpoints as error:
            raise Problem(409, "too_many_endpoints", str(error)) from error
        except TooManyCodes as error:
            raise Problem(429, "throttled", str(error), headers={"Retry-After": "600"}) from error
        return Response(EndpointSerializer(endpoint).data, status=201)

    @extend_schema(
        operation_id="notification_endpoints_order", request=OrderSerializer, responses=EndpointSerializer(many=True)
    )
    def patch(self, request: Request) -> Response:
        """Puts one's channels in order: the first named is used first."""
        form = OrderSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        endpoints.put_in_order(person(request), form.validated_data["endpoint_ids"])
        return self.get(request)


class OwnEndpointView(APIView):
    permission_classes = (IsPerson,)

    def find(self, request: Request, endpoint_id: int) -> NotificationEndpoint:
        return get_object_or_404(NotificationEndpoint, pk=endpoint_id, staff=person(request))


class EndpointView(OwnEndpointView):
    @extend_schema(request=EndpointSerializer, responses=EndpointSerializer)
    def patch(self, request: Request, endpoint_id: int) -> Response:
        """Switches a channel on or off, sets its quiet hours and what comes there besides emergencies."""
        form = EndpointSerializer(self.find(request, endpoint_id), data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        form.save()
        return Response(form.data)

    @extend_schema(responses={204: OpenApiResponse(description="removed")})
    def delete(self, request: Request, endpoint_id: int) -> Response:
        self.find(request, endpoint_id).delete()
        return Response(status=204)


class VerifyView(OwnEndpointView):
    @extend_schema(request=CodeSerializer, responses=EndpointSerializer)
    def post(self, request: Request, endpoint_id: int) -> Response:
        """Takes the code that came by the channel; from then on it is used."""
        form = CodeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        endpoint = self.find(request, endpoint_id)
        try:
            endpoints.verify(endpoint, form.validated_data["code"])
        except CodeWrong as error:
            raise Problem(409, "code_wrong", str(error)) from error
        return Response(EndpointSerializer(endpoint).data)


class SendCodeView(OwnEndpointView):
    @extend_schema(request=None, responses={202: OpenApiResponse(description="a new code is on its way")})
    def post(self, request: Request, endpoint_id: int) -> Response:
        try:
            endpoints.send_code(self.find(request, endpoint_id))
        except TooManyCodes as error:
            raise Problem(429, "throttled", str(error), headers={"Retry-After": "600"}) from error
        return Response(status=202)


class TestView(OwnEndpointView):
    @extend_schema(request=None, responses={202: NotificationSerializer})
    def post(self, request: Request, endpoint_id: int) -> Response:
        """Sends a test by that channel."""
        endpoint = self.find(request, endpoint_id)
        if not endpoint.verified_at or not endpoint.enabled:
            raise Problem(409, "not_verified", "prove the address by its code, and switch the channel on")
        planned = planning.plan_test(endpoint)
        return Response(NotificationSerializer(own_notifications(request).get(pk=planned.pk)).data, status=202)


class NotificationListView(ListAPIView[Notification]):
    """What was sent to oneself and what became of it, newest first."""

    permission_classes = (IsPerson,)
    serializer_class = NotificationSerializer
    pagination_class = PageNumbers

    def get_queryset(self) -> QuerySet[Notification]:
        return own_notifications(self.request)


def own_notifications(request: Request) -> QuerySet[Notification]:
    last = NotificationAttempt.objects.filter(notification=OuterRef("pk")).order_by("-id")
    rows = Notification.objects.filter(staff=person(request), endpoint__isnull=False).order_by("-created_at")
    return rows.annotate(result=Subquery(last.values("result")[:1]), code=Subquery(last.values("code")[:1]))


class TokenView(APIView):
    """The token that came with the message is the credential: no session, so no CSRF token either."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def token(self, request: Request) -> str:
        form = TokenSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        token: str = form.validated_data["token"]
        return token


class AcknowledgeDeliveryView(TokenView):
    @extend_schema(request=TokenSerializer, responses=AnswerSerializer, auth=[])
    def post(self, request: Request, delivery_id: UUID) -> Response:
        """A notification's button: its person takes the emergency. 409 `already_resolved` once it was resolved."""
        try:
            log, staff = answers.acknowledge(delivery_id, self.token(request))
        except TokenInvalid as error:
            raise Problem(403, "token_invalid", str(error)) from error
        except MayNotAnswer as error:
            raise Problem(403, "forbidden", str(error)) from error
        except AnswerTooLate as error:
            raise Problem(409, "already_resolved", str(error)) from error
        is_yours = log.acknowledged_by_id == staff.pk
        return Response({"log_id": log.pk, "status": log.status, "is_yours": is_yours})


class StillOnItView(TokenView):
    @extend_schema(request=TokenSerializer, responses=AnswerSerializer, auth=[])
    def post(self, request: Request, notification_id: UUID) -> Response:
        """A question's button: its owner is still on it."""
        try:
            log = answers.say_still_on_it(notification_id, self.token(request))
        except TokenInvalid as error:
            raise Problem(403, "token_invalid", str(error)) from error
        except MayNotAnswer as error:
            raise Problem(403, "forbidden", str(error)) from error
        except AnswerTooLate as error:
            raise Problem(409, "already_resolved", str(error)) from error
        except NotOwner as error:
            raise Problem(409, "not_owner", str(error)) from error
        return Response({"log_id": log.pk, "status": log.status, "is_yours": True})


class ReceivedView(TokenView):
    @extend_schema(request=TokenSerializer, responses={204: OpenApiResponse(description="noted")}, auth=[])
    def post(self, request: Request, notification_id: UUID) -> Response:
        """The device says that it showed the notification."""
        try:
            answers.note_received(notification_id, self.token(request))
        except TokenInvalid as error:
            raise Problem(403, "token_invalid", str(error)) from error
        return Response(status=204)
