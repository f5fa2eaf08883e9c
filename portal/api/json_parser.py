"""DRF's JSON parser, as strict as the contract."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from devices.strict_json import MalformedJSON, parse_strict
from seniors.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(settings.MAX_BODY_BYTES + 1)
        if len(body) > settings.MAX_BODY_BYTES:
            raise Problem(413, "too_large", f"a request may have {settings.MAX_BODY_BYTES} bytes")
        try:
            return parse_strict(body)
        except MalformedJSON as error:
            raise Problem(400, "malformed", str(error)) from error
