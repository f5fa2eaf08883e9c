"""The product's ASGI application, except that the process ends, without a word, at the point that CRASH_AT names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from portal.asgi import django_application

# isort: split
# the apps are loaded by the import above
from monitoring.ingest_app import IngestApp

if TYPE_CHECKING:
    from monitoring.ingest_app import Lane

CRASH_AT = os.environ.get("CRASH_AT", "")


def crash_if_at(point: str) -> None:
    if point == CRASH_AT:
        os._exit(86)


class CrashingIngestApp(IngestApp):
    async def _raise_panics(self, *about: Any) -> None:
        crash_if_at("before_emergency")
        await super()._raise_panics(*about)
        crash_if_at("after_emergency")

    async def _store(self, lane: Lane, *about: Any) -> int:
        accepted = await super()._store(lane, *about)
        crash_if_at("after_events")
        return accepted


application = CrashingIngestApp(django_application)
