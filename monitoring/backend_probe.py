"""Whether hubs can reach us at all: while nobody answers at the backend's address, their silence is not their fault.

The watchdog asks this before it calls a hub offline. One look that finds nobody is an outage; a backend that is merely
slow is busy, and away only after SLOW_LOOKS of them in a row. After FAILED_FOR_S of no answer it is believed no longer:
the address may be wrong, and a hub that is dead must not stay hidden.
"""

from __future__ import annotations

import time
from enum import Enum, auto
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)
LOOK_S = 2.0
TIMEOUT_S = 2.0
FAILED_FOR_S = 300.0
SLOW_LOOKS = 3
_opener = build_opener(ProxyHandler({}))  # our own address is reached by no proxy


class Look(Enum):
    ANSWERED = auto()
    NOBODY = auto()
    SLOW = auto()


class BackendProbe:
    def __init__(self, base_url: str) -> None:
        self._url = base_url.rstrip("/") + "/healthz"
        self._failing_since: float | None = None
        self._slow_since: float | None = None
        self._slow_looks = 0

    def is_backend_away(self, now: float) -> bool:
        """`now` is monotonic. False until a first look."""
        return self._failing_since is not None and now - self._failing_since < FAILED_FOR_S

    def note(self, look: Look, now: float) -> None:
        """What a look at `now` (monotonic) found."""
        if look is not Look.SLOW:
            self._slow_looks, self._slow_since = 0, None
        if look is Look.ANSWERED:
            self._failing_since = None
        elif look is Look.NOBODY:
            self._fail(now)
        else:
            self._slow_looks += 1
            self._slow_since = now if self._slow_since is None else self._slow_since
            if self._slow_looks >= SLOW_LOOKS:
                self._fail(self._slow_since)

    def look(self) -> Look:
        """Whether anybody answers now. A proxy that says 502 or 503 for us is not us."""
        try:
            with _opener.open(Request(self._url), timeout=TIMEOUT_S):  # noqa: S310 - the address is the operator's
                return Look.ANSWERED
        except HTTPError as error:
            return Look.ANSWERED if error.code < HTTPStatus.INTERNAL_SERVER_ERROR else Look.NOBODY
        except TimeoutError:  # connected, and nothing came
            return Look.SLOW
        except URLError as error:  # while connecting
            return Look.SLOW if isinstance(error.reason, TimeoutError) else Look.NOBODY
        except (OSError, HTTPException):
            return Look.NOBODY

    def _fail(self, since: float) -> None:
        if self._failing_since is None:
            self._failing_since = since
            log.warning("nobody answers at the backend's address; silent hubs are not judged", url=self._url)

    def run(self, is_stopping: Callable[[], bool]) -> None:
        while not is_stopping():
            self.note(self.look(), time.monotonic())
            time.sleep(LOOK_S)
