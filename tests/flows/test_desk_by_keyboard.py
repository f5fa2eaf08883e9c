"""The whole of the desk by keyboard alone, its sound, and a drill that nobody takes for real."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.flows.browsing import SHOWN_WITHIN_MS, listen, log_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.flows.living_home import Home
    from tests.flows.product import Product, StaffClient

pytestmark = [pytest.mark.flow, pytest.mark.browser]


def test_taking_asking_resolving_and_taking_back_need_no_mouse(
    page: Page, home: Home, supervisor: StaffClient, complaints: list[str]
) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("키보드로 하기")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_placeholder("어르신 찾기")).to_be_focused()
    page.get_by_placeholder("어르신 찾기").blur()

    home.press()
    card = page.locator(".card")
    expect(card).to_be_visible(timeout=SHOWN_WITHIN_MS)
    log_id = card.get_attribute("data-log")
    page.keyboard.press("j")
    expect(card).to_be_focused()
    page.keyboard.press("a")
    expect(card).to_contain_text("김수진 담당", timeout=SHOWN_WITHIN_MS)
    expect(card).to_be_focused()
    page.keyboard.press("r")
    expect(card).to_contain_text("괜찮다고 답함", timeout=15_000)
    page.keyboard.press("2")
    expect(card).to_have_count(0, timeout=SHOWN_WITHIN_MS)
    assert supervisor.get(f"/emergencies/{log_id}")["outcome"] == "false_alarm"

    page.get_by_role("button", name="되돌리기").click()
    expect(card).to_contain_text("담당 없음", timeout=SHOWN_WITHIN_MS)
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(card).to_contain_text("김수진 담당", timeout=SHOWN_WITHIN_MS)
    page.keyboard.press("4")
    expect(card).to_have_count(0, timeout=SHOWN_WITHIN_MS)
    assert complaints == []


def test_the_alarm_sounds_until_it_is_taken_and_a_mute_covers_only_what_rings(
    page: Page, home: Home, complaints: list[str]
) -> None:
    sound = page.locator("#sound")
    expect(sound).to_have_attribute("data-state", "off")
    page.get_by_role("button", name="소리 켜기").click()
    expect(sound).to_have_attribute("data-state", "on")
    expect(sound).to_have_attribute("data-played", "1")  # the tone that says: this is how it sounds

    home.press()
    expect(sound).to_have_attribute("data-played", re.compile("[3-9]"), timeout=SHOWN_WITHIN_MS)
    page.keyboard.press("m")
    expect(sound.locator("[data-sound=mute]")).to_contain_text("동안 꺼짐")
    played = sound.get_attribute("data-played")
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator(".card")).to_contain_text("김수진 담당", timeout=SHOWN_WITHIN_MS)
    assert sound.get_attribute("data-played") == played
    page.keyboard.press("4")
    expect(page.locator(".card")).to_have_count(0, timeout=SHOWN_WITHIN_MS)
    assert complaints == []


def test_a_drill_says_to_everybody_that_it_is_one(
    page: Page, browser: Browser, product: Product, home: Home, supervisor: StaffClient, complaints: list[str]
) -> None:
    context = browser.new_context(locale="ko-KR")
    desk = context.new_page()
    listen(desk, complaints)
    log_in(desk, product.url, "flow-supervisor@anbu.example", "a-long-enough-password")
    name = f"훈련 어르신 {home.senior_id}"
    supervisor.call("PATCH", f"/seniors/{home.senior_id}", {"full_name": name})
    desk.locator("summary", has_text="알림 훈련").click()
    field = desk.get_by_placeholder("이름이나 주소")
    field.fill(name)
    expect(desk.locator("[name=senior]")).to_have_value(str(home.senior_id), timeout=SHOWN_WITHIN_MS)
    desk.get_by_role("button", name="훈련 시작").click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text("긴급 호출")

    card = page.locator(".card")
    expect(card).to_contain_text("훈련 · 실제 상황이 아닙니다", timeout=SHOWN_WITHIN_MS)
    log_id = card.get_attribute("data-log")
    assert supervisor.get(f"/emergencies/{log_id}")["test"] is True
    home.press()  # a real call in the middle of a drill is real
    expect(card).not_to_contain_text("실제 상황이 아닙니다", timeout=SHOWN_WITHIN_MS)
    expect(card).to_contain_text("신호가 왔습니다")
    supervisor.call("POST", f"/emergencies/{log_id}/resolve", {"outcome": "test", "note": ""})
    context.close()
    assert complaints == []
