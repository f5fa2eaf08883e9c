from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.flows.browsing import FLAGS, listen, log_in
from tests.flows.living_home import Home
from tests.flows.product import Product, StaffClient
from tests.monitoring.notification.push_service import PushService
from tests.optional_tools import require_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page


PASSWORD = "a-long-enough-password"


@pytest.fixture(scope="session")
def push_service() -> Iterator[PushService]:
    """Where the product sends its push messages, on this machine."""
    service = PushService()
    yield service
    service.close()


@pytest.fixture(scope="session")
def product(push_service: PushService) -> Iterator[Product]:
    """One running product for all flow tests that do not break it."""
    running = Product()
    running.environment["ANBU_PUSH_SERVICES"] = push_service.url
    try:
        running.start("--seed", "none")
        yield running
    finally:
        running.remove()


@pytest.fixture(scope="session")
def supervisor(product: Product) -> StaffClient:
    email = "flow-supervisor@anbu.example"
    product.manage(
        "create_staff", email, "--full-name", "박지현", "--role", "supervisor", "--password-stdin", stdin=PASSWORD
    )
    client = StaffClient(product)
    client.login(email, PASSWORD)
    return client


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all browser tests here. It brings an event loop, in which Django refuses to query: it must end
    before tests elsewhere begin."""
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
    """The e-mail of a caseworker who has that home alone."""
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
    """The desk, as that caseworker sees it after logging in."""
    context = browser.new_context(viewport={"width": 1366, "height": 860}, locale="ko-KR")
    page = context.new_page()
    listen(page, complaints)
    log_in(page, product.url, caseworker, PASSWORD)
    yield page
    context.close()
