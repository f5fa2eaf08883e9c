"""A caseworker's browser: an event becomes a card without reloading, is taken, asked about by the robot, resolved."""

from __future__ import annotations

import json
import secrets
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright
from websockets.sync.client import connect

from tests.flows.product import HubClient, eventually
from tests.optional_tools import require_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.flows.product import Product, StaffClient

pytestmark = [pytest.mark.flow, pytest.mark.browser]
PASSWORD = "느티나무-아래-산책"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOWN_WITHIN_MS = 5_000


class Home:
    """A senior's hub: sends a press of the button by HTTP, and answers the robot's questions on its socket."""

    def __init__(self, product: Product, senior_id: int, key: str) -> None:
        self.senior_id = senior_id
        self._hub = HubClient(product, key)
        self._url = product.url.replace("http", "ws") + "/ws/hub/"
        self._key = key
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._answer_checks, daemon=True)
        self._thread.start()

    def press(self) -> None:
        event = {"timestamp": now(), "sensor_id": "sos_button", "event_content": "sos", "sensor_value": True}
        assert self._hub.send([event]).status_code == 200

    def leave(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _answer_checks(self) -> None:
        header = {"Authorization": f"Api-Key {self._key}"}
        with connect(self._url, subprotocols=["hub.v1"], additional_headers=header, proxy=None) as socket:  # type: ignore[list-item]  # a NewType of str
            beat_at = 0.0
            while not self._stop.is_set():
                if time.monotonic() >= beat_at:
                    beat = {"type": "heartbeat", "id": secrets.token_hex(4), "sent_at": now()}
                    socket.send(json.dumps({**beat, "battery": 90, "robot_online": True}))
                    beat_at = time.monotonic() + 5
                try:
                    message = json.loads(socket.recv(timeout=0.2))
                except TimeoutError:
                    continue
                if message["type"] == "safety_check.request":
                    about = {"id": secrets.token_hex(4), "check_id": message["check_id"]}
                    socket.send(json.dumps({"type": "safety_check.received", **about}))
                    socket.send(json.dumps({"type": "safety_check.answer", **about, "answer": "ok"}))


def now() -> str:
    return datetime.now(UTC).isoformat()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = require_tool("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def home(product: Product, supervisor: StaffClient) -> Iterator[Home]:
    body = {
        "full_name": "박순자",
        "address": "원주시 단구로 5",
        "hub": {"device_id": f"BROWSER-{secrets.token_hex(4)}"},
    }
    created = supervisor.call("POST", "/seniors", body).json()
    home = Home(product, created["senior_id"], created["hub"]["api_key"])
    yield home
    home.leave()


@pytest.fixture
def caseworker(product: Product, home: Home) -> str:
    email = f"desk-{secrets.token_hex(4)}@anbu.example"
    arguments = ["--full-name", "김수진", "--senior", str(home.senior_id), "--password-stdin"]
    product.manage("create_staff", email, *arguments, stdin=PASSWORD)
    return email


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of: errors of scripts, of the network, of the content security policy."""
    return []


@pytest.fixture
def page(browser: Browser, product: Product, caseworker: str, complaints: list[str]) -> Iterator[Page]:
    """The desk, as a caseworker sees it after logging in."""
    context = browser.new_context(viewport={"width": 1366, "height": 860}, locale="ko-KR")
    page = context.new_page()

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{product.url}/")
    page.get_by_label("이메일").fill(caseworker)
    page.get_by_label("비밀번호").fill(PASSWORD)
    page.get_by_role("button", name="로그인").click()
    expect(page.get_by_role("status").filter(has_text="실시간 연결됨")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    yield page
    context.close()


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

    card.locator("summary", has_text="종료").click()
    card.get_by_label("오경보").check()
    card.get_by_label("메모").fill("잘못 누름")
    card.get_by_role("button", name="종료하기").click()
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
    card.get_by_label("실제 상황").check()
    note = card.get_by_label("메모")
    note.fill("전화했더니")
    home.press()
    expect(card).to_contain_text("1번 더 감지", timeout=SHOWN_WITHIN_MS)
    expect(note).to_have_value("전화했더니")
    expect(note).to_be_focused()
    expect(card.get_by_label("실제 상황")).to_be_checked()
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


@pytest.mark.parametrize("path", ["/admin/", "/admin/care/"])
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
