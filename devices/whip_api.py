"""WHIP: a hub that publishes its camera over HTTP, whether anybody looks or not (RFC 9725)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.views import APIView

from seniors.problems import Problem

from .authentication import IsHub
from .camera.ice import make_ice_servers
from .camera.inbox import inbox
from .camera.sdp_http import AnyAccept, FragmentParser, SDPParser, created, read_candidates
from .camera.signaling import RelayUnavailable

if TYPE_CHECKING:
    from rest_framework.request import Request

    from .authentication import HubPrincipal

SDP_BODY: Any = {"application/sdp": OpenApiTypes.STR}
FRAGMENT_BODY: Any = {"application/trickle-ice-sdpfrag": OpenApiTypes.STR}


class WhipView(APIView):
    permission_classes = (IsHub,)
    parser_classes = (SDPParser,)
    content_negotiation_class = AnyAccept

    @extend_schema(request=SDP_BODY, responses={(201, "application/sdp"): OpenApiTypes.STR})
    def post(self, request: Request) -> HttpResponse:
        """Publishes: one video (H.264 or VP8), one audio if you like. A newer publication takes the older's place."""
        hub = cast("HubPrincipal", request.user)  # IsHub lets nobody else in
        stream_id = uuid.uuid4().hex
        message = {
            "type": "hub.publish",
            "senior_id": hub.senior_id,
            "stream_id": stream_id,
            "sdp": request.data,
            "prefix": hub.prefix,
        }
        answer = ask_relay(hub.hub_id, stream_id, message)
        if "problem" in answer:
            raise Problem(400, "bad_sdp", answer["problem"])
        where = reverse("api-whip-session", args=[stream_id])
        return created(answer["sdp"], where, make_ice_servers(f"hub-{hub.hub_id}"))


class WhipSessionView(APIView):
    permission_classes = (IsHub,)
    parser_classes = (FragmentParser,)
    content_negotiation_class = AnyAccept

    @extend_schema(responses={200: None})
    def delete(self, request: Request, stream_id: str) -> HttpResponse:
        """Ends the publication."""
        hub = cast("HubPrincipal", request.user)
        answer = ask_relay(hub.hub_id, stream_id, {"type": "hub.unpublish", "stream_id": stream_id})
        if "problem" in answer:
            raise Problem(404, "not_found", answer["problem"])
        return HttpResponse(status=200)

    @extend_schema(request=FRAGMENT_BODY, responses={204: None})
    def patch(self, request: Request, stream_id: str) -> HttpResponse:
        """Adds ICE candidates. ICE is not restarted: publish anew instead."""
        hub = cast("HubPrincipal", request.user)
        for candidate in read_candidates(request):
            if not async_to_sync(tell_candidate)(hub.hub_id, "hub.candidate", stream_id, candidate):
                raise Problem(404, "not_found", "there is no such publication")
        return HttpResponse(status=204)


def ask_relay(hub_id: int, about: str, message: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem while no relay can be reached."""

    async def ask() -> dict[str, Any]:
        return await inbox().exchange(hub_id, about, message)

    try:
        return async_to_sync(ask)()
    except RelayUnavailable as error:
        raise Problem(503, "relay_unavailable", str(error)) from error


async def tell_candidate(hub_id: int, kind: str, stream_id: str, candidate: dict[str, Any] | None) -> bool:
    return await inbox().add_candidate(hub_id, kind, stream_id, candidate)
