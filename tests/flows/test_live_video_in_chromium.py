"""A caseworker's browser looks through the robot's camera: the picture itself, its words, and what ends it."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.devices.camera.numbered_clip import FPS, READ_NUMBER, write_clip
from tests.flows.browsing import SHOWN_WITHIN_MS
from tests.flows.conftest import PASSWORD
from tests.flows.robot_camera import RobotCamera

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.flows.product import Product, StaffClient

pytestmark = [pytest.mark.flow, pytest.mark.browser]
CLICKS = int(os.environ.get("ANBU_CLICKS", "3"))


@pytest.fixture(scope="session", params=["video/H264", "video/VP8"])
def robot(
    request: pytest.FixtureRequest, product: Product, supervisor: StaffClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RobotCamera]:
    clip: Path = write_clip(tmp_path_factory.mktemp("camera"), request.param)
    body = {
        "full_name": "최영자",
        "address": "원주시 단구로 7",
        "hub": {"device_id": f"CAMERA-{secrets.token_hex(4)}"},
    }
    created = supervisor.call("POST", "/seniors", body).json()
    senior_id = created["senior_id"]
    assert supervisor.call("PATCH", f"/seniors/{senior_id}", {"video_consent": True}).status_code == 200
    robot = RobotCamera(product, supervisor, created["hub"]["api_key"], senior_id, str(clip))
    robot.start()
    yield robot
    robot.stop()


@pytest.fixture
def caseworker(product: Product, robot: RobotCamera) -> str:
    email = f"camera-{secrets.token_hex(4)}@anbu.example"
    arguments = ["--full-name", "김수진", "--senior", str(robot.senior_id), "--password-stdin"]
    product.manage("create_staff", email, *arguments, stdin=PASSWORD)
    return email


@pytest.fixture
def panel(page: Page, product: Product, robot: RobotCamera) -> Locator:
    page.goto(f"{product.url}/admin/care/{robot.senior_id}/camera/")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=SHOWN_WITHIN_MS)
    return page.locator("[data-camera]")


def look(panel: Locator) -> None:
    panel.get_by_label("보는 이유").fill("움직임이 없어 안전 확인")
    panel.get_by_role("button", name="영상 보기").click()
    expect(panel.locator("[data-camera-state]")).to_have_text("실시간", timeout=SHOWN_WITHIN_MS)


def leave(panel: Locator) -> None:
    panel.get_by_role("button", name="그만 보기").click()
    expect(panel.locator("[data-camera-state]")).to_have_text("종료: 열람을 마쳤습니다.")


def test_the_picture_is_there_within_a_second_of_the_click(panel: Locator, complaints: list[str]) -> None:
    took = []
    for _ in range(CLICKS):
        look(panel)
        took.append(int(panel.get_attribute("data-first-frame-ms") or 0))
        leave(panel)
    took.sort()
    print(f"click to first frame, ms: {took}")
    assert took[int(0.95 * (len(took) - 1))] <= 1000
    assert complaints == []


def test_the_picture_is_the_camera_s_and_goes_on(page: Page, panel: Locator, complaints: list[str]) -> None:
    look(panel)
    video = panel.locator("video")
    began = video.evaluate("(video) => video.currentTime")
    first = video.evaluate(READ_NUMBER)
    page.wait_for_timeout(2_000)
    moved = video.evaluate("(video) => video.currentTime") - began
    shown = (video.evaluate(READ_NUMBER) - first) % (8 * FPS)
    print(f"in 2 s: currentTime +{moved:.2f} s, frame number +{shown}")
    assert 1.5 < moved < 3.5
    assert 1.3 * FPS < shown < 3 * FPS
    expect(panel.locator(".camera-who")).to_contain_text("김수진")
    expect(panel.locator("[data-camera-viewers]")).to_have_text("지금 혼자 보고 있습니다.")
    panel.get_by_role("button", name="5분 더 보기").click()
    expect(panel.get_by_role("button", name="5분 더 보기")).to_be_hidden()
    expect(panel.locator("[data-camera-left]")).to_contain_text("9:")
    panel.get_by_role("button", name="정지 화면").click()
    expect(panel.locator("figcaption")).to_contain_text("저장되지 않습니다")
    leave(panel)
    assert complaints == []


def test_a_hub_that_is_killed_comes_back_into_the_same_view(
    page: Page, panel: Locator, robot: RobotCamera, complaints: list[str]
) -> None:
    look(panel)
    state = panel.locator("[data-camera-state]")
    robot.kill()
    expect(state).to_contain_text("초째 멈춤", timeout=SHOWN_WITHIN_MS)
    robot.start()
    expect(state).to_have_text("실시간", timeout=20_000)
    before = panel.locator("video").evaluate("(video) => video.currentTime")
    page.wait_for_timeout(1_000)
    assert panel.locator("video").evaluate("(video) => video.currentTime") > before + 0.5
    leave(panel)
    assert complaints == []


def test_a_consent_that_is_withdrawn_ends_the_picture(
    panel: Locator, robot: RobotCamera, supervisor: StaffClient, complaints: list[str]
) -> None:
    look(panel)
    consent = f"/seniors/{robot.senior_id}"
    assert supervisor.call("PATCH", consent, {"video_consent": False}).status_code == 200
    expect(panel.locator("[data-camera-state]")).to_have_text("종료: 어르신의 영상 동의가 없습니다.", timeout=1_500)
    assert supervisor.call("PATCH", consent, {"video_consent": True}).status_code == 200
    assert complaints == []
