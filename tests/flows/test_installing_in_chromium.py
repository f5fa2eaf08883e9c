"""An installer's phone: from the form to a home whose every sensor was heard, without reloading a page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from tests.flows.browsing import SHOWN_WITHIN_MS
from tests.flows.product import HubClient

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.flows.product import Product

pytestmark = [pytest.mark.flow, pytest.mark.browser]


def say(hub: HubClient, sensor_id: str, content: str) -> None:
    now = datetime.now(UTC).isoformat()
    event = {"timestamp": now, "sensor_id": sensor_id, "event_content": content, "sensor_value": True}
    assert hub.send([event]).status_code == 200


def test_a_home_is_installed_step_by_step_and_each_sensor_ticked_as_it_is_heard(
    page: Page, product: Product, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{product.url}/admin/installation/")
    page.get_by_label("어르신 이름").fill("한말순")
    page.get_by_label("주소").fill("은빛시 새길 3")
    page.get_by_label("허브 번호").fill("installed-1")
    page.get_by_role("button", name="등록하고 다음").click()
    expect(page.get_by_text("첫 연결을 기다리고 있습니다")).to_be_visible()

    page.get_by_role("button", name="연결 코드 만들기").click()
    expect(page.locator("svg.qr")).to_be_visible()
    code = page.locator(".step-code").inner_text()
    claimed = httpx.post(f"{product.url}/api/v1/hub/claim", json={"device_id": "installed-1", "code": code}).json()
    hub = HubClient(product, claimed["api_key"])
    say(hub, "kitchen_motion", "motion")
    expect(page.get_by_text("허브가 연결되어 있습니다")).to_be_visible(timeout=SHOWN_WITHIN_MS)

    page.get_by_role("button", name="걸어 보기 시작").click()
    expect(page.get_by_text("센서 1개 가운데 0개 확인")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    say(hub, "kitchen_motion", "motion")
    expect(page.get_by_text("센서 1개 가운데 1개 확인")).to_be_visible(timeout=SHOWN_WITHIN_MS)

    say(hub, "sos_button", "sos")
    page.get_by_role("button", name="시험이었음").click(timeout=SHOWN_WITHIN_MS)
    expect(page.locator(".step-press .is-done")).to_have_text("시험", timeout=SHOWN_WITHIN_MS)

    page.get_by_role("link", name="확인서 보기").click()
    expect(page.get_by_role("cell", name="kitchen_motion")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []
