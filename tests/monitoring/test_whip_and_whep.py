"""Publishing by WHIP and viewing by WHEP: the same relay and the same rules, over HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiortc import RTCSessionDescription
from django.test import AsyncClient

from devices.database_threads import in_database_thread
from monitoring.camera_models import CameraView, ViewToken
from seniors.enrollment import set_video_consent
from seniors.models import AccessLog
from tests.devices.camera.clips import ClipTrack, make_clip
from tests.devices.camera.conftest import loopback, relay  # noqa: F401 - fixtures
from tests.devices.camera.ends import CameraEnd, ViewerEnd

if TYPE_CHECKING:
    from devices.models import IoTHub
    from seniors.models import Senior, Staff

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]
SDP = "application/sdp"


@pytest.fixture
def consent(senior: Senior, kim: Staff) -> None:
    set_video_consent(senior, True, kim)


async def publish(key: str) -> tuple[CameraEnd, str]:
    """A hub that publishes by itself, and where its publication is."""
    camera = CameraEnd((ClipTrack(make_clip("video/VP8")), "video/VP8"))
    offer = await camera.offer()
    for _ in range(40):  # the relay has just started
        answer = await AsyncClient().post("/api/v1/hub/whip", offer, content_type=SDP, headers=bearer(key))
        if answer.status_code != 503:
            break
        await asyncio.sleep(0.05)
    assert answer.status_code == 201, answer.content
    assert answer["Content-Type"] == SDP
    await camera.take_answer(answer.content.decode())
    return camera, answer["Location"]


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


async def view_token(staff: Staff, senior: Senior, reason: str = "안전 확인") -> Any:
    client = AsyncClient()
    await in_database_thread(client.force_login, staff)
    url = f"/api/v1/seniors/{senior.pk}/view-tokens"
    return await client.post(url, {"reason": reason}, content_type="application/json")


class Player(ViewerEnd):
    """Offers to receive, as WHEP players do."""

    async def offer(self) -> str:
        self.peer.addTransceiver("video", "recvonly")
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def take_answer(self, sdp: str) -> None:
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))


async def play(token: str, offer: str) -> Any:
    return await AsyncClient().post("/api/v1/whep", offer, content_type=SDP, headers=bearer(token))


@pytest.mark.usefixtures("consent")
async def test_a_player_with_a_token_sees_what_a_hub_publishes(
    senior: Senior, hub: IoTHub, hub_key: str, kim: Staff
) -> None:
    camera, publication = await publish(hub_key)
    issued = await view_token(kim, senior)
    assert issued.status_code == 201
    assert issued.json()["whep_url"] == "http://testserver/api/v1/whep"
    token = issued.json()["token"]
    player = Player()
    answer = await play(token, await player.offer())
    assert answer.status_code == 201, answer.content
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "VP8" in answer.content.decode() and "H264" not in answer.content.decode()
    await player.take_answer(answer.content.decode())
    async with asyncio.timeout(10):
        while player.peer.connectionState != "connected":
            await asyncio.sleep(0.02)
    assert (await play(token, "v=0")).status_code == 401, "a token is for one view"

    assert (await AsyncClient().delete(answer["Location"], headers=bearer("x"))).status_code == 404
    assert (await AsyncClient().delete(answer["Location"], headers=bearer(token))).status_code == 200
    async with asyncio.timeout(5):
        while player.peer.connectionState != "closed":
            await asyncio.sleep(0.05)
    view = await in_database_thread(CameraView.objects.get)
    assert (view.staff_id, view.end_reason, view.live_at is None) == (kim.pk, "stopped", False)

    assert (await AsyncClient().delete(publication, headers=bearer(hub_key))).status_code == 200
    assert (await AsyncClient().delete(publication, headers=bearer(hub_key))).status_code == 404
    await camera.peer.close()


async def test_tokens_are_given_by_the_rules_of_a_view(
    senior: Senior, hub: IoTHub, kim: Staff, lee: Staff, guardian: Staff, park: Staff
) -> None:
    assert (await view_token(lee, senior)).status_code == 404
    assert (await view_token(guardian, senior)).status_code == 403
    assert (await view_token(kim, senior, " ")).json()["code"] == "reason_required"
    assert (await view_token(kim, senior)).json()["code"] == "no_consent"
    await in_database_thread(set_video_consent, senior, True, kim)
    token = (await view_token(kim, senior)).json()["token"]
    await in_database_thread(set_video_consent, senior, False, kim)
    assert (await play(token, "v=0")).json()["code"] == "no_consent"
    refused = await in_database_thread(
        lambda: [row.detail.get("refused") for row in AccessLog.objects.filter(senior_id=senior.pk).order_by("pk")]
    )
    assert refused == ["not_found", "reason_required", "no_consent", None, "no_consent"]


@pytest.mark.usefixtures("consent")
async def test_a_token_is_too_old_after_its_minute(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    token = (await view_token(kim, senior)).json()["token"]
    row = await in_database_thread(ViewToken.objects.get)
    assert token not in row.token_hash
    await in_database_thread(ViewToken.objects.update, expires_at=row.created_at)
    assert (await play(token, "v=0")).status_code == 401


@pytest.mark.usefixtures("consent")
async def test_a_home_that_shows_nothing_is_told_as_it_is(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    token = (await view_token(kim, senior)).json()["token"]
    await asyncio.sleep(0.5)  # the relay has just started
    answer = await play(token, "v=0")
    assert (answer.status_code, answer.json()["code"]) == (409, "hub_offline")


@pytest.mark.parametrize("body", ["", "v=0", "no sdp", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"])
async def test_a_publication_that_is_none_is_refused(body: str, hub: IoTHub, hub_key: str) -> None:
    await asyncio.sleep(0.5)
    answer = await AsyncClient().post("/api/v1/hub/whip", body, content_type=SDP, headers=bearer(hub_key))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_sdp")
    wrong = await AsyncClient().post(
        "/api/v1/hub/whip", {"sdp": body}, content_type="application/json", headers=bearer(hub_key)
    )
    assert wrong.status_code == 415
