"""Whether hubs can reach us at all: while nobody answers at the backend's address, their silence is not their fault.

The watchdog asks this before it calls a hub offline. After FAILED_FOR_S of no answer it is believed no longer: the
address may be wrong, and a hub that is dead must not stay hidden.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)
LOOK_S = 2.0
TIMEOUT_S = 2.0
FAILED_FOR_S = 300.0
_opener = build_opener(ProxyHandler({}))  # our own address is reached by no proxy


class BackendProbe:
    def __init__(self, base_url: str) -> None:
        self._url = base_url.rstrip("/") + "/healthz"
        self._failing_since: float | None = None

    def is_backend_away(self, now: float) -> bool:
        """`now` is monotonic. False until a first look."""
        return self._failing_since is not None and now - self._failing_since < FAILED_FOR_S

    def note(self, answered: bool, now: float) -> None:
        """What a look at `now` (monotonic) found."""
        if answered:
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = now
            log.warning("nobody answers at the backend's address; silent hubs are not judged", url=self._url)

    def look(self) -> bool:
        """Whether anybody answers now. A proxy that says 502 or 503 for us is not us."""
        try:
            with _opener.open(Request(self._url), timeout=TIMEOUT_S):  # noqa: S310 - the address is the operator's
                return True
        except HTTPError as error:
            return error.code < HTTPStatus.INTERNAL_SERVER_ERROR
        except (OSError, HTTPException):
            return False

    def run(self, is_stopping: Callable[[], bool]) -> None:
        while not is_stopping():
            self.note(self.look(), time.monotonic())
            time.sleep(LOOK_S)
