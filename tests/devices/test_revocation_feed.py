from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from devices import registration, revocation_feed
from devices.database_threads import in_database_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from devices.models import IoTHub

pytestmark = pytest.mark.django_db(transaction=True)


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.woken = asyncio.Event()

    def credential_revoked(self, kind: str, subject: str) -> None:
        self.heard.append((kind, subject))
        self.woken.set()

    def store_went_away(self) -> None:
        raise AssertionError("the store is here")


class FailingListener(Listener):
    def credential_revoked(self, kind: str, subject: str) -> None:
        raise RuntimeError("no")


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    hearing = Listener()
    revocation_feed.subscribe(hearing)
    yield hearing
    revocation_feed.unsubscribe(hearing)


async def heard(listener: Listener) -> list[tuple[str, str]]:
    async with asyncio.timeout(1.0):
        await listener.woken.wait()
    return listener.heard


async def test_a_revocation_is_heard_once_within_a_second(listener: Listener, hub: IoTHub) -> None:
    await in_database_thread(registration.deregister, hub, None)
    assert await heard(listener) == [("hub", str(hub.hub_id))]
    await asyncio.sleep(1.2)
    assert listener.heard == [("hub", str(hub.hub_id))]


async def test_what_died_just_before_the_subscription_is_heard_too(hub: IoTHub) -> None:
    await in_database_thread(registration.deregister, hub, None)
    late = Listener()
    revocation_feed.subscribe(late)
    assert await heard(late) == [("hub", str(hub.hub_id))]
    revocation_feed.unsubscribe(late)


async def test_one_listeners_error_keeps_no_revocation_from_the_others(listener: Listener, hub: IoTHub) -> None:
    failing = [FailingListener() for _ in range(3)]
    for each in failing:
        revocation_feed.subscribe(each)
    await in_database_thread(registration.deregister, hub, None)
    assert await heard(listener) == [("hub", str(hub.hub_id))]
    for each in failing:
        revocation_feed.unsubscribe(each)
