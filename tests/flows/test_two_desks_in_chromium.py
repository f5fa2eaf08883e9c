"""Two caseworkers of one senior: what one does the other sees at once, and a page that is cut off says so itself."""

from __future__ import annotations

import secrets
import statistics
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.flows.browsing import SHOWN_WITHIN_MS, listen, log_in
from tests.flows.conftest import PASSWORD
from tests.flows.cuttable_line import CuttableLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.flows.living_home import Home
    from tests.flows.product import Product, StaffClient

pytestmark = [pytest.mark.flow, pytest.mark.browser]
ROUNDS = 5
SEEN_TAKEN_WITHIN_S = 1.0
SAYS_DEAF_WITHIN_S = 20.0
# notes when the card on this page first tells of an owner
WATCH = """() => {
  window.takenAt = null;
  const look = () => {
    if (!window.takenAt && document.querySelector(".card.status-acknowledged")) window.takenAt = Date.now();
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""
CLICK = """() => {
  const button = document.querySelector(".card [data-act=acknowledge]");
  const at = Date.now();
  button.click();
  return at;
}"""


@pytest.fixture
def line(product: Product) -> Iterator[CuttableLine]:
    line = CuttableLine(product.port)
    yield line
    line.close()


@pytest.fixture
def colleague(product: Product, home: Home) -> str:
    email = f"colleague-{secrets.token_hex(4)}@anbu.example"
    arguments = ["--full-name", "최은주", "--senior", str(home.senior_id), "--password-stdin"]
    product.manage("create_staff", email, *arguments, stdin=PASSWORD)
    return email


@pytest.fixture
def other_page(browser: Browser, line: CuttableLine, colleague: str, complaints: list[str]) -> Iterator[Page]:
    """The colleague's desk, over a line that can be cut."""
    context = browser.new_context(viewport={"width": 1366, "height": 860}, locale="ko-KR")
    page = context.new_page()
    log_in(page, line.url, colleague, PASSWORD)
    listen(page, complaints)
    yield page
    line.mend()
    context.close()


def test_what_one_takes_the_other_sees_taken_within_a_second(
    page: Page, other_page: Page, home: Home, supervisor: StaffClient, complaints: list[str]
) -> None:
    took = []
    for _round in range(ROUNDS):
        home.press()
        for desk in (page, other_page):
            expect(desk.locator(".card.status-open")).to_be_visible(timeout=SHOWN_WITHIN_MS)
        other_page.evaluate(WATCH)
        clicked_at = page.evaluate(CLICK)
        expect(other_page.locator(".card")).to_contain_text("김수진 담당", timeout=SHOWN_WITHIN_MS)
        took.append((other_page.evaluate("window.takenAt") - clicked_at) / 1000)
        log_id = page.locator(".card").get_attribute("data-log")
        resolved = supervisor.call("POST", f"/emergencies/{log_id}/resolve", {"outcome": "false_alarm", "note": ""})
        assert resolved.status_code == 200
        for desk in (page, other_page):
            expect(desk.locator(".card")).to_have_count(0, timeout=SHOWN_WITHIN_MS)
    print("seen taken after", ", ".join(f"{seconds:.3f} s" for seconds in took))
    # the median, since a test's machine may stand still for a moment
    assert statistics.median(took) <= SEEN_TAKEN_WITHIN_S
    assert complaints == []


def test_a_page_whose_line_is_cut_says_so_within_20_s_and_catches_up_by_itself(
    other_page: Page, line: CuttableLine, home: Home, supervisor: StaffClient
) -> None:
    other_page.evaluate("window.isTheSamePage = true")
    sign = other_page.locator("#connection")
    expect(sign).to_have_attribute("data-state", "live")
    line.cut()
    began = time.monotonic()
    expect(sign).to_have_attribute("data-state", "lost", timeout=60_000)
    deaf_after = time.monotonic() - began
    expect(sign).to_contain_text("끊김")
    home.press()
    expect(other_page.locator(".card")).to_have_count(0)
    line.mend()
    began = time.monotonic()
    expect(other_page.locator(".card.status-open")).to_be_visible(timeout=60_000)
    expect(sign).to_have_attribute("data-state", "live", timeout=60_000)
    print(f"said that it is deaf {deaf_after:.1f} s after the cut, caught up {time.monotonic() - began:.1f} s after")
    assert deaf_after <= SAYS_DEAF_WITHIN_S
    assert other_page.evaluate("window.isTheSamePage") is True
    log_id = other_page.locator(".card").get_attribute("data-log")
    assert supervisor.call("POST", f"/emergencies/{log_id}/resolve", {"outcome": "test", "note": ""}).status_code == 200
