"""A phone at the door without a network: what was written waits, the portal says since when, and sends it by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.flows.browsing import SHOWN_WITHIN_MS
from tests.flows.product import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.flows.living_home import Home
    from tests.flows.product import Product, StaffClient

pytestmark = [pytest.mark.long, pytest.mark.flow, pytest.mark.browser]


def test_a_visit_waits_for_the_network_and_is_then_kept_once(
    page: Page, product: Product, home: Home, supervisor: StaffClient
) -> None:
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.goto(f"{product.url}/admin/visits/{home.senior_id}/")
    note = page.get_by_label("어떻게 지내시는지")
    note.fill("무릎이 아프다고 하심")
    page.reload()
    expect(note).to_have_value("무릎이 아프다고 하심")

    page.context.set_offline(True)
    page.get_by_role("button", name="보내기").click()
    expect(page.locator(".visit-state")).to_contain_text("연결이 없어", timeout=SHOWN_WITHIN_MS)
    page.goto(f"{product.url}/admin/today/")
    expect(page.get_by_role("heading", level=1)).to_have_text("연결이 끊겼습니다")
    expect(page.locator(".offline-since")).to_contain_text("서버에 닿지 않습니다")
    expect(page.locator(".offline-visits")).to_contain_text("1건", timeout=SHOWN_WITHIN_MS)

    page.context.set_offline(False)
    expect(page.get_by_role("heading", level=1)).to_have_text("오늘 할 일", timeout=20_000)
    visits = eventually(lambda: kept_visits(supervisor, home.senior_id), 15, "the visit is kept")
    assert visits == ["무릎이 아프다고 하심"]
    assert page.evaluate("localStorage.getItem('anbu.visit.waiting')") == "[]"


def kept_visits(supervisor: StaffClient, senior_id: int) -> list[str] | None:
    """The notes of that senior's visits, None while there are none."""
    rows = supervisor.get("/tasks", open="false", page_size="100")["results"]
    return [row["note"] for row in rows if row["senior_id"] == senior_id and row["kind"] == "visit"] or None
