"""What a stream withstands: nonsense on both sockets, a relay that dies, Redis that goes away."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from devices.camera.directory import Directory
from devices.camera.relay import run_relay
from devices.database_threads import in_database_thread
from seniors.enrollment import set_video_consent
from tests.devices.camera.conftest import loopback, relay  # noqa: F401 - fixtures
from tests.devices.camera.ends import ViewerEnd
from tests.monitoring.staff_sockets import page_of
from tests.monitoring.test_live_video import HINTS, look, robot

if TYPE_CHECKING:
    from devices.models import IoTHub
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(transaction=True)
MESSAGES = 1000


@pytest.fixture
def consent(senior: Senior, kim: Staff) -> None:
    set_video_consent(senior, True, kim)


def compose_nonsense(chance: random.Random, stream_id: str) -> dict[str, Any]:
    """A message about the stream that is wrong in one way or another."""
    junk: list[Any] = [None, 7, "", "x" * 500, [], {}, True, "v=0", "a=candidate:1 1 udp", {"candidate": 1}, -1, "\0"]
    kinds = ["stream.answer", "stream.candidate", "stream.prolong", "stream.leave", "talk.start", "talk.stop"]
    message: dict[str, Any] = {"type": chance.choice(kinds), "id": "n", "stream_id": chance.choice([*junk, "another"])}
    if message["type"] in ("stream.answer", "stream.candidate") and chance.random() < 0.5:
        message["stream_id"] = stream_id
    for name in ("sdp", "candidate", "reason"):
        if chance.random() < 0.7:
            message[name] = chance.choice(junk)
    if message["type"] == "stream.candidate" and chance.random() < 0.3:
        message["candidate"] = {"candidate": "candidate:junk", "sdpMid": "0", "sdpMLineIndex": 0}
    if message["stream_id"] == stream_id and message["type"] == "stream.answer":
        message["sdp"] = chance.choice(["v=0", "", "m=video\r\n", "x" * 500])
    return message


@pytest.mark.usefixtures("relay", "consent")
async def test_a_thousand_nonsensical_messages_stop_no_stream(
    senior: Senior, hub_key: str, hub: IoTHub, kim: Staff
) -> None:
    chance = random.Random(11)  # noqa: S311 - which nonsense is said is no secret
    async with robot(hub_key) as one, page_of(kim) as page:
        stream_id, viewer = await look(page, senior)
        await viewer.has(5)
        camera_id = one.said[0]["stream_id"]
        for number in range(MESSAGES):
            if number % 25 == 0:  # a hub may say 10 messages a second, and 60 at once
                await one.end.send_text(json.dumps({**compose_nonsense(chance, camera_id), "type": "stream.candidate"}))
            await page.send_text(json.dumps(compose_nonsense(chance, stream_id)))
            if number % 2:  # three that are no messages at all, in a row, would end the socket
                await page.send("stream.leave", id="ok", stream_id="nothing of mine")
            await asyncio.sleep(0)
        seen = len(viewer.frames["video"])
        await viewer.has(seen + 25)
        await page.send("stream.leave", id="end", stream_id=stream_id)
        while (await page.receive_any())["type"] != "stream.ended":
            pass
        await viewer.peer.close()


@pytest.mark.usefixtures("consent")
async def test_a_relay_that_dies_is_followed_to_another_one(
    senior: Senior, hub_key: str, hub: IoTHub, kim: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(self: Directory, relay_id: str, hub_ids: Any) -> None:
        """A process that was killed says no goodbye."""

    relays = {asyncio.create_task(run_relay()) for _ in range(2)}
    await asyncio.sleep(0.5)
    monkeypatch.setattr(Directory, "withdraw_relay", die)
    async with robot(hub_key) as one, page_of(kim) as page:
        stream_id, viewer = await look(page, senior)
        await viewer.has(5)
        first_owner = await owner_of(hub.hub_id)
        for serving in tuple(relays):
            if one_of(serving) == first_owner:
                serving.cancel()
                relays.discard(serving)
        async with asyncio.timeout(20):  # pulses go on meanwhile
            offer = await page.receive("stream.offer", 20, passing_over=HINTS)
        assert offer["stream_id"] == stream_id
        again = ViewerEnd()
        await page.send("stream.answer", stream_id=stream_id, sdp=await again.answer(offer["sdp"]))
        await again.has(5)
        assert len([message for message in one.said if message["type"] == "stream.start"]) == 2
        for end in (viewer, again):
            await end.peer.close()
    for serving in relays:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def owner_of(hub_id: int) -> str | None:
    directory = Directory()
    try:
        return await directory.owner(hub_id)
    finally:
        await directory.close()


def one_of(serving: asyncio.Task[None]) -> str:
    """The id of the relay that this task serves."""
    frame = serving.get_coro().cr_frame  # type: ignore[union-attr]  # a coroutine
    return str(frame.f_locals["relay"].relay_id)


@pytest.mark.usefixtures("relay", "consent")
async def test_a_picture_goes_on_while_redis_is_away(
    senior: Senior, hub_key: str, hub: IoTHub, kim: Staff, park: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with robot(hub_key), page_of(kim) as page, page_of(park) as other:
        _, viewer = await look(page, senior)
        await viewer.has(5)

        async def away(*args: Any, **kwargs: Any) -> Any:
            raise ConnectionError("Redis is away")

        with monkeypatch.context() as outage:
            for name in ("announce_relay", "announce_inbox", "find_relay", "live_relays", "dead_inboxes", "owner"):
                outage.setattr(Directory, name, away)
            await viewer.has(len(viewer.frames["video"]) + 100)
            await other.send("stream.request", id="r9", senior_id=senior.pk, reason="확인")
            error = await other.receive("error", passing_over=HINTS)
            assert (error["code"], error["about"]) == ("relay_unavailable", "r9")
            await in_database_thread(set_video_consent, senior, False, park)
            seen = len(viewer.frames["video"])
            await asyncio.sleep(1.5)
            assert len(viewer.frames["video"]) - seen < 25, "what is withdrawn ends the picture all the same"
        await viewer.peer.close()
