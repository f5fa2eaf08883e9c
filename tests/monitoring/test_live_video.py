"""From the click to the picture: staff socket, relay, hub socket, in the order of the spec's sequence diagram."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from devices.database_threads import in_database_thread
from devices.registration import deregister
from monitoring.camera_models import CameraView
from monitoring.camera_views import review_view
from seniors.enrollment import set_video_consent, unmap_staff
from seniors.models import AccessLog
from tests.devices.camera.clips import ClipTrack, make_clip
from tests.devices.camera.conftest import loopback, relay  # noqa: F401 - fixtures
from tests.devices.camera.ends import CameraEnd, ViewerEnd
from tests.devices.sockets import HubEnd, hub_socket
from tests.monitoring.emergencies import raised
from tests.monitoring.staff_sockets import Page, page_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from devices.models import IoTHub
    from seniors.models import Senior, Staff

HINTS = {"stream.viewers", "hub.changed", "fault.changed"}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def consent(senior: Senior, kim: Staff) -> None:
    set_video_consent(senior, True, kim)


class Robot:
    """A hub that offers its camera when it is asked. `said` is what the backend told it, in order."""

    def __init__(self, end: HubEnd, mime_type: str = "video/H264") -> None:
        self.end, self.mime_type = end, mime_type
        self.said: list[dict[str, Any]] = []
        self.camera: CameraEnd | None = None

    async def run(self) -> None:
        while True:
            message = await self.end.receive_any()
            self.said.append(message)
            if message["type"] == "stream.start":
                if self.camera:
                    await self.camera.peer.close()
                self.camera = CameraEnd((ClipTrack(make_clip(self.mime_type)), self.mime_type))
                offer = await self.camera.offer()
                await self.end.send("stream.offer", stream_id=message["stream_id"], sdp=offer)
            elif message["type"] == "stream.answer" and self.camera:
                await self.camera.take_answer(message["sdp"])

    async def says(self, kind: str, within_s: float = 10.0) -> dict[str, Any]:
        """The newest message of that kind, once there is one."""
        async with asyncio.timeout(within_s):
            while not (found := [message for message in self.said if message["type"] == kind]):
                await asyncio.sleep(0.02)
        return found[-1]


@asynccontextmanager
async def robot(key: str, mime_type: str = "video/H264") -> AsyncIterator[Robot]:
    async with hub_socket(key) as end:
        await end.beat()
        one = Robot(end, mime_type)
        running = asyncio.create_task(one.run())
        yield one
        running.cancel()
        if one.camera:
            await one.camera.peer.close()


async def look(page: Page, senior: Senior, **fields: Any) -> tuple[str, ViewerEnd]:
    """Asks, answers the offer, and returns the view's id and its end."""
    await page.send("stream.request", id="r1", senior_id=senior.pk, reason="움직임이 없음", **fields)
    offer = await page.receive("stream.offer", 15, passing_over=HINTS)
    assert offer["senior_id"] == senior.pk and offer["about"] == "r1"
    viewer = ViewerEnd()
    await page.send("stream.answer", stream_id=offer["stream_id"], sdp=await viewer.answer(offer["sdp"]))
    return offer["stream_id"], viewer


@pytest.mark.parametrize("mime_type", ["video/H264", "video/VP8"])
@pytest.mark.usefixtures("relay", "consent")
async def test_who_asks_sees_the_picture(mime_type: str, senior: Senior, hub_key: str, hub: IoTHub, kim: Staff) -> None:
    async with robot(hub_key, mime_type) as one, page_of(kim) as page:
        stream_id, viewer = await look(page, senior)
        assert len(await viewer.has(10)) == 10
        assert [message["type"] for message in one.said][:3] == ["stream.start", "stream.viewers", "stream.answer"]
        assert one.said[1]["count"] == 1
        await page.send("stream.leave", stream_id=stream_id)
        ended = await page.receive("stream.ended", passing_over=HINTS)
        assert (ended["stream_id"], ended["reason"]) == (stream_id, "stopped")
        assert (await one.says("stream.stop"))["stream_id"] == one.said[0]["stream_id"]
        assert (await one.says("stream.viewers"))["count"] == 0
        await viewer.peer.close()
    view = await in_database_thread(CameraView.objects.get)
    assert (view.staff_id, view.senior_id, view.end_reason) == (kim.pk, senior.pk, "stopped")
    assert view.live_at is not None
    actions = await in_database_thread(lambda: list(AccessLog.objects.values_list("action", "reason")))
    assert actions == [("video.request", "움직임이 없음"), ("video.view", "움직임이 없음")]


@pytest.mark.usefixtures("relay", "consent")
async def test_everybody_who_looks_hears_of_the_others_and_the_robot_of_their_number(
    senior: Senior, hub_key: str, hub: IoTHub, kim: Staff, park: Staff
) -> None:
    async with robot(hub_key) as one, page_of(kim) as first, page_of(park) as second:
        _, viewer = await look(first, senior)
        await viewer.has(2)
        stream_id, late = await look(second, senior)
        began = asyncio.get_running_loop().time()
        frames = await late.has(2)
        assert frames[0].is_key
        assert asyncio.get_running_loop().time() - began < 1
        while not (others := await first.receive("stream.viewers", passing_over=HINTS))["viewers"]:
            pass
        assert [(other["staff_id"], other["full_name"]) for other in others["viewers"]] == [(park.pk, "박지현")]
        assert (await one.says("stream.viewers"))["count"] == 2
        assert len([message for message in one.said if message["type"] == "stream.start"]) == 1
        await second.send("stream.leave", stream_id=stream_id)
        assert (await first.receive("stream.viewers", passing_over=HINTS))["viewers"] == []
        for end in (viewer, late):
            await end.peer.close()


@pytest.mark.usefixtures("relay", "consent")
async def test_a_viewer_whose_socket_is_gone_is_gone_at_once(
    senior: Senior, hub_key: str, hub: IoTHub, kim: Staff
) -> None:
    async with robot(hub_key) as one:
        async with page_of(kim) as page:
            _, viewer = await look(page, senior)
            await viewer.has(2)
        await one.says("stream.stop", within_s=5)
        assert (await one.says("stream.viewers"))["count"] == 0
        await viewer.peer.close()


@pytest.mark.usefixtures("relay")
async def test_a_hub_that_refuses_is_told_as_it_is(
    consent: None, senior: Senior, hub_key: str, hub: IoTHub, kim: Staff
) -> None:
    async with hub_socket(hub_key) as end, page_of(kim) as page:
        await end.beat()
        await page.send("stream.request", id="r1", senior_id=senior.pk, reason="확인")
        start = await end.receive("stream.start")
        await end.send("error", code="no_camera", detail="none", about=start["id"])
        ended = await page.receive("stream.ended", passing_over=HINTS)
        assert (ended["about"], ended["stream_id"], ended["reason"]) == ("r1", None, "hub_refused")


async def is_cut(page: Page, viewer: ViewerEnd, reason: str) -> None:
    """The picture ends within a second of now."""
    began = asyncio.get_running_loop().time()
    ended = await page.receive("stream.ended", 5, passing_over=HINTS)
    assert ended["reason"] == reason
    assert asyncio.get_running_loop().time() - began < 1
    seen = len(viewer.frames["video"])
    await asyncio.sleep(0.3)
    assert len(viewer.frames["video"]) - seen < 3


@pytest.mark.parametrize("what", ["consent", "mapping", "hub"])
@pytest.mark.usefixtures("relay", "consent")
async def test_what_is_withdrawn_ends_the_picture_within_a_second(
    what: str, senior: Senior, hub_key: str, hub: IoTHub, kim: Staff, park: Staff
) -> None:
    async with robot(hub_key), page_of(kim) as page:
        _, viewer = await look(page, senior)
        await viewer.has(5)
        if what == "consent":
            await in_database_thread(set_video_consent, senior, False, park)
        elif what == "mapping":
            await in_database_thread(unmap_staff, kim.pk, senior.pk)
        else:
            await in_database_thread(deregister, hub, None)
        await is_cut(page, viewer, "no_consent" if what == "consent" else "revoked")
        await viewer.peer.close()


async def test_refusals_are_in_the_log(senior: Senior, hub: IoTHub, kim: Staff, lee: Staff, guardian: Staff) -> None:
    for staff, reason, code in (
        (lee, "궁금해서", "not_found"),
        (guardian, "어머니가 걱정되어", "forbidden"),
        (kim, " ", "reason_required"),
    ):
        async with page_of(staff) as page:
            await page.send("stream.request", id="r1", senior_id=senior.pk, reason=reason)
            error = await page.receive("error")
            assert (error["code"], error["about"]) == (code, "r1")
    async with page_of(kim) as page:
        await page.send("stream.request", id="r2", senior_id=senior.pk, reason="확인")
        assert (await page.receive("stream.ended"))["reason"] == "no_consent"
    rows = await in_database_thread(
        lambda: [(row.staff_id, row.action, row.detail["refused"]) for row in AccessLog.objects.order_by("pk")]
    )
    assert rows == [
        (lee.pk, "video.request", "not_found"),
        (guardian.pk, "video.request", "forbidden"),
        (kim.pk, "video.request", "reason_required"),
        (kim.pk, "video.request", "no_consent"),
    ]


@pytest.mark.usefixtures("relay")
async def test_a_supervisor_may_look_without_consent_while_a_life_may_hang_on_it(
    senior: Senior, hub_key: str, hub: IoTHub, kim: Staff, park: Staff
) -> None:
    async with robot(hub_key), page_of(kim) as caseworker, page_of(park) as supervisor:
        await supervisor.send("stream.request", id="r0", senior_id=senior.pk, reason="응급", break_glass=True)
        assert (await supervisor.receive("stream.ended", passing_over=HINTS))["reason"] == "no_consent"
        await in_database_thread(raised, senior, event_type="fall_detection", severity="critical")
        others = {*HINTS, "emergency.raised"}
        await caseworker.send("stream.request", id="r1", senior_id=senior.pk, reason="응급", break_glass=True)
        assert (await caseworker.receive("stream.ended", passing_over=others))["reason"] == "no_consent"
        await supervisor.send("stream.request", id="r2", senior_id=senior.pk, reason="응급", break_glass=True)
        offer = await supervisor.receive("stream.offer", 15, passing_over=others)
        assert offer["about"] == "r2"
    view = await in_database_thread(CameraView.objects.get)
    assert (view.staff_id, view.break_glass, view.reviewed_at) == (park.pk, True, None)
    assert not await in_database_thread(review_view, view.pk, park, "내가 봄")
    assert await in_database_thread(review_view, view.pk, kim, "필요했음")
