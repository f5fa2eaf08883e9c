"""A push message in Chromium: from the emergency through a push service to a notification whose button takes it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.flows.browsing import SHOWN_WITHIN_MS
from tests.flows.conftest import PASSWORD
from tests.flows.product import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page, Worker

    from tests.flows.living_home import Home
    from tests.flows.product import Product, StaffClient
    from tests.monitoring.notification.push_service import Browser as Subscription
    from tests.monitoring.notification.push_service import PushService

pytestmark = [pytest.mark.flow, pytest.mark.browser]
# the push service of a browser's maker cannot be reached here: a page asks for a subscription, and gets one of ours
OWN_PUSH_SERVICE = """(subscription) => {
  PushManager.prototype.subscribe = async function (options) {
    window.askedFor = {
      userVisibleOnly: options.userVisibleOnly,
      key: btoa(String.fromCharCode(...new Uint8Array(options.applicationServerKey))),
    };
    return { toJSON: () => subscription, endpoint: subscription.endpoint };
  };
}"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser in which the person allowed notifications."""
    context = browser.new_context(locale="ko-KR", permissions=["notifications"])
    yield context
    context.close()


class PushBrowser:
    """A caseworker's browser with its page of channels, its service worker, and a way to hand it a push."""

    def __init__(self, context: BrowserContext, product: Product, subscription: Subscription) -> None:
        self.context, self.product, self.subscription = context, product, subscription
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        as_json = {"endpoint": subscription.address, "keys": subscription.keys}
        self.page.add_init_script(f"({OWN_PUSH_SERVICE})({json.dumps(as_json)})")

    def log_in(self, email: str) -> None:
        self.page.goto(f"{self.product.url}/admin/login/?next=/account/notifications/")
        self.page.get_by_label("이메일").fill(email)
        self.page.get_by_label("비밀번호").fill(PASSWORD)
        self.page.get_by_role("button", name="로그인").click()

    def subscribe(self) -> None:
        """As a person does it: on their page, by the button."""
        self.page.get_by_label("알아볼 이름").fill("시험 브라우저")
        self.page.get_by_role("button", name="이 브라우저 알림 켜기").click()
        expect(self.page.locator(".channel-list")).to_contain_text("시험 브라우저", timeout=SHOWN_WITHIN_MS)

    def deliver(self, message: dict[str, Any]) -> None:
        """What the browser's own connection to its push service would hand to the worker."""
        session = self.context.new_cdp_session(self.page)
        registrations: list[str] = []
        session.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda event: registrations.extend(one["registrationId"] for one in event["registrations"]),
        )
        session.send("ServiceWorker.enable")
        deadline = time.monotonic() + 10
        while not registrations and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)  # the events come while the page is waited for
        data = {"origin": self.product.url, "registrationId": registrations[0]}
        session.send("ServiceWorker.deliverPushMessage", {**data, "data": json.dumps(message, ensure_ascii=False)})
        session.detach()

    def shown(self) -> list[dict[str, Any]]:
        """The notifications that the system shows of this site."""
        rows: list[dict[str, Any]] = self.page.evaluate(
            """async () => (await (await navigator.serviceWorker.ready).getNotifications()).map((one) => ({
                 title: one.title, body: one.body, tag: one.tag, actions: one.actions.map((action) => action.action),
               }))"""
        )
        return rows

    def click(self, action: str) -> None:
        """What the system tells the worker when a person taps the notification, or one of its buttons."""
        worker: Worker = self.context.service_workers[0]
        worker.evaluate(
            """async (action) => {
                 const [notification] = await self.registration.getNotifications();
                 const event = new NotificationEvent("notificationclick", { notification, action });
                 const waits = [];
                 event.waitUntil = (promise) => waits.push(promise);
                 self.dispatchEvent(event);
                 await Promise.allSettled(waits);
               }""",
            action,
        )


def test_a_push_is_shown_and_its_button_takes_the_emergency(
    product: Product,
    supervisor: StaffClient,
    home: Home,
    caseworker: str,
    push_service: PushService,
    context: BrowserContext,
) -> None:
    push_service.vapid_key = supervisor.get("/notification-channels")["web_push_key"]
    subscription = push_service.subscribe()
    browser = PushBrowser(context, product, subscription)
    browser.log_in(caseworker)
    browser.subscribe()
    asked = browser.page.evaluate("window.askedFor")
    assert asked["userVisibleOnly"] is True
    assert asked["key"].replace("+", "-").replace("/", "_").rstrip("=") == push_service.vapid_key

    browser.page.get_by_role("button", name="시험 보내기").click()
    browser.deliver(eventually(lambda: next_message(subscription), 20, "the push service has the test"))
    eventually(lambda: "안부 시험 알림" in [one["title"] for one in browser.shown()], 10, "the test is shown")
    expect(browser.page.locator("table")).to_contain_text("받음", timeout=30_000)

    began = time.monotonic()
    home.press()
    alert = eventually(lambda: next_message(subscription), 60, "the alert was pushed")
    print(f"pushed {time.monotonic() - began:.1f} s after the press (the page comes first, for 30 s)")
    browser.deliver(alert)
    found = eventually(
        lambda: [one for one in browser.shown() if one["tag"].startswith("emergency-")] or None, 10, "it is shown"
    )
    assert found[0]["actions"] == ["act", "open"]
    assert "박순자" not in json.dumps(found, ensure_ascii=False)
    (emergency,) = supervisor.get(f"/seniors/{home.senior_id}/emergencies", status="open")["results"]

    assert supervisor.get(f"/emergencies/{emergency['log_id']}")["status"] == "open"
    browser.click("act")
    taken = eventually(lambda: taken_by(supervisor, emergency["log_id"]), 10, "the button took it")
    assert taken == supervisor.get(f"/emergencies/{emergency['log_id']}")["acknowledged_by"]
    eventually(lambda: any("접수했습니다" in one["body"] for one in browser.shown()), 10, "the notification says so")
    received = [one for one in browser.page.evaluate(READ_SENT) if one["purpose"] == "alert"]
    assert received[0]["received_at"]
    supervisor.call("POST", f"/emergencies/{emergency['log_id']}/resolve", {"outcome": "real", "note": ""})
    browser.deliver(alert)  # late, or seen late
    eventually(lambda: "act" in str([one["actions"] for one in browser.shown()]), 10, "it is shown again")
    browser.click("act")
    eventually(lambda: any("이미 종료" in one["body"] for one in browser.shown()), 10, "the button is dead")
    assert browser.complaints == []


READ_SENT = "async () => (await (await fetch('/api/v1/notifications')).json()).results"


def next_message(subscription: Subscription) -> dict[str, Any] | None:
    return subscription.messages.pop(0) if subscription.messages else None


def taken_by(supervisor: StaffClient, log_id: int) -> int | None:
    taken: int | None = supervisor.get(f"/emergencies/{log_id}")["acknowledged_by"]
    return taken
