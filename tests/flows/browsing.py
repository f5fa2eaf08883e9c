"""Chromium as the browser tests drive it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=user-gesture-required",
]
SHOWN_WITHIN_MS = 10_000


def listen(page: Page, complaints: list[str]) -> None:
    """Notes what the browser complains of: errors of scripts, of the network, of the content security policy."""

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(f"{page.url}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))


def log_in(page: Page, url: str, email: str, password: str) -> None:
    """Through the log-in page, in Korean, up to the person's own first page."""
    page.goto(f"{url}/admin/login/?next=/")
    page.get_by_label("이메일").fill(email)
    page.get_by_label("비밀번호").fill(password)
    page.get_by_role("button", name="로그인").click()
    expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=SHOWN_WITHIN_MS)
