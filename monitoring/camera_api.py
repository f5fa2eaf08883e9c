"""Viewing by WHEP (draft-ietf-wish-whep) with one-use tokens, and the review of views without consent."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from devices.camera.ice import make_ice_servers
from devices.camera.inbox import in_time, inbox
from devices.camera.sdp_http import AnyAccept, FragmentParser, SDPParser, created, read_candidates
from devices.camera.signaling import RelayUnavailable, ViewRequest
from devices.database_threads import in_database_thread
from devices.models import IoTHub
from seniors.access_log import record_request
from seniors.enrollment import has_video_consent
from seniors.models import Senior
from seniors.permissions import IsCareStaff, IsSupervisor, person
from seniors.problems import Problem
from seniors.revocations import digest_session

from . import camera_views, view_tokens
from .camera_models import CameraView

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request

    from .camera_models import ViewToken

SDP_BODY: Any = {"application/sdp": OpenApiTypes.STR}
FRAGMENT_BODY: Any = {"application/trickle-ice-sdpfrag": OpenApiTypes.STR}
STATUS_OF_END = {"no_consent": 403, "too_many_viewers": 429, "hub_offline": 409, "hub_refused": 409}
TRY_AGAIN = {"Retry-After": "5"}


class ViewReason(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300)


class IssuedViewToken(serializers.Serializer[Any]):
    token = serializers.CharField()
    whep_url = serializers.URLField()
    expires_at = serializers.DateTimeField()


class Review(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=300, allow_blank=True, default="")


class ViewTokenView(APIView):
    permission_classes = (IsCareStaff,)

    @extend_schema(request=ViewReason, responses={201: IssuedViewToken})
    def post(self, request: Request, senior_id: int) -> Response:
        """A token for one `POST whep_url` within 60 s, by the rules of a view on the staff socket."""
        staff = person(request)
        senior = Senior.objects.visible_to(staff).filter(pk=senior_id).first()
        reason = request.data.get("reason") if isinstance(request.data, dict) else None
        words = reason.strip() if isinstance(reason, str) else ""
        refused = None
        if senior is None:
            refused = Problem(404, "not_found", "there is no such senior")
        elif not words:
            refused = Problem(400, "reason_required", "say why you look")
        elif not has_video_consent(senior_id):
            refused = Problem(403, "no_consent", "the senior has not consented to video")
        code = refused.code if refused else None
        record_request(request._request, "video.token", senior_id, reason=words, refused=code)
        if refused or senior is None:
            raise refused or Problem(404, "not_found")
        session = digest_session(request._request.session.session_key or "")
        issued = view_tokens.issue_token(staff, senior, words, session)
        url = request.build_absolute_uri(reverse("api-whep"))
        return Response({"token": issued.token, "whep_url": url, "expires_at": issued.expires_at}, status=201)


class ReviewView(APIView):
    permission_classes = (IsSupervisor,)

    @extend_schema(request=Review, responses={204: None})
    def post(self, request: Request, view_id: int) -> Response:
        """Reviews a view that was made without consent; never one's own."""
        body = Review(data=request.data)
        body.is_valid(raise_exception=True)
        view = get_object_or_404(CameraView, pk=view_id)
        if not camera_views.review_view(view_id, person(request), body.validated_data["note"]):
            raise Problem(409, "nothing_to_review", "it had consent, was reviewed, or is your own")
        record_request(request._request, "video.review", view.senior_id, view_id=view_id)
        return Response(status=204)


class WhepResource(APIView):
    """What players of other sites may call: no cookie counts here, so any origin may."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    content_negotiation_class = AnyAccept

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        finished = super().finalize_response(request, response, *args, **kwargs)
        finished["Access-Control-Allow-Origin"] = "*"
        finished["Access-Control-Expose-Headers"] = "Location, Link"
        return finished

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = HttpResponse(status=204)
        response["Access-Control-Allow-Methods"] = "POST, PATCH, DELETE"
        response["Access-Control-Allow-Headers"] = "Authorization, Content-Type, If-Match"
        return response


def bearer_of(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class WhepView(WhepResource):
    parser_classes = (SDPParser,)

    @extend_schema(request=SDP_BODY, responses={(201, "application/sdp"): OpenApiTypes.STR})
    def post(self, request: Request) -> HttpResponse:
        """Begins the view of the `Authorization: Bearer` token: the body offers to receive video, and audio."""
        token = view_tokens.take_token(bearer_of(request))
        if token is None:
            raise Problem(401, "invalid_credentials", "the token is unknown, used or too old")
        address = request._request.META.get("REMOTE_ADDR") or None
        try:
            admission = camera_views.judge_view(token.staff, token.senior_id, token.reason, address=address)
        except camera_views.ViewRefused as error:
            raise Problem(403, "forbidden", str(error)) from error
        if admission.ended:
            raise end_as_problem(admission.ended)
        stream_id = uuid.uuid4().hex
        camera_views.open_view(stream_id, token.staff, token.senior_id, token.reason, break_glass=False)
        answer = async_to_sync(begin_view)(stream_id, token, admission.hub_id, str(request.data), address)
        where = reverse("api-whep-session", args=[stream_id])
        return created(answer, where, make_ice_servers(f"staff-{token.staff_id}"))


class WhepSessionView(WhepResource):
    parser_classes = (FragmentParser,)

    @extend_schema(responses={200: None})
    def delete(self, request: Request, stream_id: str) -> HttpResponse:
        """Ends the view."""
        hub_id = find_hub(request, stream_id)
        async_to_sync(leave)(hub_id, stream_id)
        camera_views.close_view(stream_id, "stopped")
        return HttpResponse(status=200)

    @extend_schema(request=FRAGMENT_BODY, responses={204: None})
    def patch(self, request: Request, stream_id: str) -> HttpResponse:
        """Adds ICE candidates."""
        hub_id = find_hub(request, stream_id)
        for candidate in read_candidates(request):
            async_to_sync(add_candidate)(hub_id, stream_id, candidate)
        return HttpResponse(status=204)


def find_hub(request: Request, stream_id: str) -> int:
    """The hub of a running view, for whoever holds its token. Raises Problem."""
    view = CameraView.objects.filter(stream_id=stream_id, ended_at=None).first()
    if view is None or not view_tokens.was_given_to(bearer_of(request), view.staff_id, view.senior_id):
        raise Problem(404, "not_found", "there is no such view")
    return IoTHub.objects.registered().filter(senior_id=view.senior_id).values_list("hub_id", flat=True).first() or 0


def end_as_problem(reason: str) -> Problem:
    status = STATUS_OF_END.get(reason, 503)
    return Problem(status, reason, "the view did not begin", headers={} if status == 403 else TRY_AGAIN)


class Player:
    """Keeps the row of one WHEP view; `ended` is set with the reason, also before it began."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._errands: set[asyncio.Task[None]] = set()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def stream_said(self, message: dict[str, Any]) -> None:
        """A player has no socket to hear it on."""

    def stream_live(self, stream_id: str) -> None:
        self._do_soon(camera_views.mark_live, stream_id, self._address)

    def stream_ended(self, stream_id: str, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)
        self._do_soon(camera_views.close_view, stream_id, reason)

    def _do_soon(self, write: Any, *args: Any) -> None:
        task = asyncio.create_task(in_database_thread(write, *args))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


async def begin_view(stream_id: str, token: ViewToken, hub_id: int, sdp: str, address: str | None) -> str:
    """The relay's answer. Raises Problem."""
    player = Player(address)
    person = token.staff
    request = ViewRequest(stream_id, token.senior_id, hub_id, person.pk, person.full_name, token.session, sdp=sdp)
    try:
        with inbox().expecting(stream_id) as answer:
            await inbox().ask(request, player)
            both: set[asyncio.Future[Any]] = {answer, player.ended}
            await asyncio.wait(both, timeout=12, return_when=asyncio.FIRST_COMPLETED)
            if player.ended.done() and not answer.done():
                raise end_as_problem(player.ended.result())
            told = await in_time(answer)
    except RelayUnavailable as error:
        inbox().leave(stream_id)
        raise Problem(503, "relay_unavailable", str(error)) from error
    if "problem" in told:
        raise Problem(400, "bad_sdp", told["problem"])
    return str(told["sdp"])


async def leave(hub_id: int, stream_id: str) -> None:
    await inbox().leave_home(hub_id, stream_id)


async def add_candidate(hub_id: int, stream_id: str, candidate: dict[str, Any]) -> None:
    await inbox().add_candidate(hub_id, "viewer.candidate", stream_id, candidate)
