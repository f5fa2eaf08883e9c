"""SDP over HTTP, as WHIP (RFC 9725) and WHEP share it: bodies, answers, candidates by PATCH."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from seniors.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rest_framework.renderers import BaseRenderer
    from rest_framework.request import Request

MAX_SDP = 60_000


class SDPParser(BaseParser):
    media_type = "application/sdp"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body: bytes = stream.read(MAX_SDP + 1)
        if len(body) > MAX_SDP:
            raise Problem(413, "too_large", f"an SDP may have {MAX_SDP} bytes")
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise Problem(400, "malformed", "an SDP is UTF-8") from error


class FragmentParser(SDPParser):
    media_type = "application/trickle-ice-sdpfrag"


class AnyAccept(BaseContentNegotiation):
    """A client of SDP asks for SDP; what goes wrong is told as problem JSON all the same."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        given = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == given), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), "application/json"


def created(answer: str, location: str, ice_servers: Iterable[dict[str, Any]]) -> HttpResponse:
    """201 with the answer, where the session is, and the servers to go through."""
    response = HttpResponse(answer, status=201, content_type="application/sdp")
    response["Location"] = location
    if links := ", ".join(link for server in ice_servers for link in make_links(server)):
        response["Link"] = links
    return response


def make_links(server: dict[str, Any]) -> Iterator[str]:
    urls = server["urls"] if isinstance(server["urls"], list) else [server["urls"]]
    for url in urls:
        link = f'<{url}>; rel="ice-server"'
        if "username" in server:
            username, credential = server["username"], server["credential"]
            link += f'; username="{username}"; credential="{credential}"; credential-type="password"'
        yield link


def read_candidates(request: Request) -> Iterator[dict[str, Any]]:
    """The candidates of a PATCH. Raises Problem: ICE is not restarted, a new session does as well."""
    if request.headers.get("If-Match", "").strip() == "*":
        raise Problem(422, "ice_restart_unsupported", "begin a new session instead")
    mid = None
    for line in str(request.data).splitlines():
        if line.startswith("a=mid:"):
            mid = line.removeprefix("a=mid:").strip()
        elif line.startswith("a=candidate:"):
            yield {"candidate": line.removeprefix("a=").strip(), "sdpMid": mid or "0", "sdpMLineIndex": None}
