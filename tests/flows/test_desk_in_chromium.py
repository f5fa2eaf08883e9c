"""A caseworker's browser: an event becomes a card without reloading, is taken, asked about by the robot, resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.flows.browsing import SHOWN_WITHIN_MS
from tests.flows.product import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.flows.living_home import Home
    from tests.flows.product import Product, StaffClient

pytestmark = [pytest.mark.flow, pytest.mark.browser]


def test_an_event_becomes_a_card_and_is_taken_asked_about_and_resolved_without_reloading(
    page: Page, home: Home, supervisor: StaffClient, complaints: list[str]
) -> None:
    expect(page.get_by_text("지금 미접수 응급 상황이 없습니다")).to_be_visible()
    page.evaluate("window.isTheSamePage = true")

    home.press()
    card = page.locator(".card")
    expect(card).to_be_visible(timeout=SHOWN_WITHIN_MS)
    for words in ("위급", "긴급 호출", "박순자 님", "담당 없음"):
        expect(card).to_contain_text(words)
    log_id = int(card.get_attribute("data-log") or 0)
    eventually(lambda: is_received(supervisor, log_id), 5, "the page said that it showed the alert")

    card.get_by_role("button", name="접수").click()
    expect(card).to_contain_text("김수진 담당", timeout=SHOWN_WITHIN_MS)
    expect(page.get_by_text("지금 미접수 응급 상황이 없습니다")).to_be_visible()

    card.get_by_role("button", name="로봇에게 확인 요청").click()
    expect(card).to_contain_text("괜찮다고 답함", timeout=15_000)

    card.locator("summary", has_text="지금 상황").click()
    card.get_by_role("button", name="가는 중").click()
    eventually(lambda: "progress" in kinds_of(supervisor, log_id), 5, "the timeline says that somebody is on the way")

    card.locator("summary", has_text="메모").click()
    card.get_by_label("메모").fill("잘못 누름")
    card.get_by_role("button", name="오경보").click()
    expect(card).to_have_count(0, timeout=SHOWN_WITHIN_MS)

    assert page.evaluate("window.isTheSamePage") is True
    resolved = supervisor.get(f"/emergencies/{log_id}")
    assert (resolved["status"], resolved["outcome"]) == ("resolved", "false_alarm")
    assert complaints == []


def is_received(supervisor: StaffClient, log_id: int) -> bool:
    """Whether the timeline holds a delivery that a page has shown."""
    timeline: list[dict[str, Any]] = supervisor.get(f"/emergencies/{log_id}")["timeline"]
    return any("received" in line["kind"] or line["detail"].get("received_at") for line in timeline)


def kinds_of(supervisor: StaffClient, log_id: int) -> list[str]:
    return [line["kind"] for line in supervisor.get(f"/emergencies/{log_id}")["timeline"]]


def test_what_is_being_typed_outlives_a_card_that_is_drawn_anew(
    page: Page, home: Home, supervisor: StaffClient, complaints: list[str]
) -> None:
    home.press()
    card = page.locator(".card")
    expect(card).to_be_visible(timeout=SHOWN_WITHIN_MS)
    card.locator("summary", has_text="종료").click()
    note = card.get_by_label("메모")
    note.fill("전화했더니")
    home.press()
    expect(card).to_contain_text("1번 더 감지", timeout=SHOWN_WITHIN_MS)
    expect(note).to_have_value("전화했더니")
    expect(note).to_be_focused()
    resolve(supervisor, card.get_attribute("data-log"))
    assert complaints == []


def test_an_alert_appears_on_any_other_page_too(
    page: Page, product: Product, home: Home, supervisor: StaffClient, complaints: list[str]
) -> None:
    page.goto(f"{product.url}/admin/care/{home.senior_id}/profile/")
    page.goto(f"{product.url}/admin/care/")
    home.press()
    line = page.locator(".alert-bar .alert-line")
    expect(line).to_contain_text("긴급 호출", timeout=SHOWN_WITHIN_MS)
    line.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("긴급 호출")
    expect(page.locator(".timeline")).to_contain_text("발생")
    resolve(supervisor, page.locator("[data-log]").first.get_attribute("data-log"))
    expect(page.locator(".emergency-status")).to_contain_text("종료", timeout=SHOWN_WITHIN_MS)
    assert complaints == []


def test_a_session_that_ends_elsewhere_leads_to_the_log_in(page: Page, product: Product) -> None:
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    with httpx.Client(base_url=product.url, cookies=cookies) as elsewhere:
        token = {"X-CSRFToken": cookies["csrftoken"]}
        assert elsewhere.post("/api/v1/auth/logout", headers=token).status_code == 204
    page.wait_for_url("**/admin/login/?next=*", timeout=SHOWN_WITHIN_MS)


@pytest.mark.parametrize("path", ["/admin/", "/admin/care/", "/account/notifications/"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_narrow_screen_and_their_controls_a_finger(
    page: Page, product: Product, complaints: list[str], path: str, scheme: Any
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{product.url}{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    low = page.evaluate(
        "[...document.querySelectorAll('main button, main .button, main select, #rail a')]"
        ".filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)"
        ".map((one) => one.textContent.trim())"
    )
    assert low == []
    assert complaints == []


def resolve(supervisor: StaffClient, log_id: str | None) -> None:
    answer = supervisor.call("POST", f"/emergencies/{log_id}/resolve", {"outcome": "test", "note": ""})
    assert answer.status_code == 200, answer.text
