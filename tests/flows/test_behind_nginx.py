"""The shipped nginx site in front of the running product: the contract's main calls, both sockets, hostile bodies."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.flows.conftest import PASSWORD
from tests.flows.gateway import Gateway
from tests.flows.product import Product, eventually, receive
from tests.optional_tools import require_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.flow
EMAIL = "gateway@anbu.example"
EVENTS = "/api/v1/hub/events"


@pytest.fixture(scope="module")
def nginx() -> str:
    return require_tool("nginx")


@pytest.fixture(scope="module")
def site(nginx: str) -> Iterator[Gateway]:
    product = Product()
    product.environment |= {"ANBU_TLS": "1", "ANBU_TRUSTED_PROXIES": "127.0.0.1"}
    gateway = Gateway(nginx, product.port)
    product.environment["ANBU_TRUSTED_ORIGINS"] = gateway.url
    try:
        product.start("--seed", "none")
        words = ("--full-name", "박지현", "--role", "supervisor", "--password-stdin")
        product.manage("create_staff", EMAIL, *words, stdin=PASSWORD)
        yield gateway
    finally:
        gateway.stop()
        product.remove()


@pytest.fixture(scope="module")
def tls(site: Gateway) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(site.certificate))


@pytest.fixture(scope="module")
def staff(site: Gateway, tls: ssl.SSLContext) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, verify=tls, timeout=20, headers={"Origin": site.url}) as client:
        answer = client.post("/api/v1/auth/login", json={"email": EMAIL, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        yield client


@pytest.fixture(scope="module")
def hub_key(staff: httpx.Client) -> str:
    senior = {"full_name": "김복순", "address": "춘천시", "hub": {"device_id": f"NGINX:{time.time_ns()}"}}
    created = staff.post("/api/v1/seniors", json=senior)
    assert created.status_code == 201, created.text
    key: str = created.json()["hub"]["api_key"]
    return key


@pytest.fixture(scope="module")
def hub(site: Gateway, tls: ssl.SSLContext, hub_key: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Api-Key {hub_key}"}
    with httpx.Client(base_url=site.url, verify=tls, timeout=40, headers=headers) as client:
        yield client


def event(content: str = "motion") -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"timestamp": now, "sensor_id": "bath", "event_content": content, "sensor_value": True}


def test_a_session_and_a_hubs_key_pass(staff: httpx.Client, hub: httpx.Client) -> None:
    assert staff.get("/api/v1/auth/me").json()["email"] == EMAIL
    assert staff.cookies["sessionid"]
    assert hub.get("/api/v1/hub/config").status_code == 200
    body = {"events": [event()]}
    first, again = hub.post(EVENTS, json=body), hub.post(EVENTS, json=body)
    assert (first.json()["accepted"], again.json()["duplicates"]) == (1, 1)
    packed = gzip.compress(json.dumps({"events": [event()]}).encode())
    assert hub.post(EVENTS, content=packed, headers={"Content-Encoding": "gzip"}).json()["accepted"] == 1


def test_both_sockets_pass_and_a_press_is_heard(
    site: Gateway, tls: ssl.SSLContext, staff: httpx.Client, hub: httpx.Client, hub_key: str
) -> None:
    cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in staff.cookies.items())}
    address = site.url.replace("https", "wss")
    with (
        connect(f"{address}/ws/staff/", ssl=tls, origin=Origin(site.url), additional_headers=cookies) as desk,
        connect(
            f"{address}/ws/hub/",
            ssl=tls,
            subprotocols=[Subprotocol("hub.v1")],
            additional_headers={"Authorization": f"Api-Key {hub_key}"},
        ) as robot,
    ):
        assert json.loads(desk.recv(timeout=5))["type"] == "hello"
        heartbeat = {"type": "heartbeat", "id": "1", "sent_at": datetime.now(UTC).isoformat()}
        robot.send(json.dumps(heartbeat | {"battery": 80, "robot_online": True}))
        receive(robot, "heartbeat.ack", 5)
        assert hub.post(EVENTS, json={"events": [event("sos")]}).status_code == 200
        assert receive(desk, "emergency.raised", 5)["emergency"]["event_type"] == "sos"


HOSTILE: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "10 MB": (b" " * 10_000_000, {}, 413, "too_large"),
    "a little over": (b" " * 1_048_577, {}, 413, "too_large"),
    "a gzip bomb": (gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}, 413, "too_large"),
    "no JSON": (b"{", {}, 400, "malformed"),
    "not UTF-8": (b'{"events": ["\xff"]}', {}, 400, "malformed"),
    "deep": (b"[" * 100_000, {}, 400, "malformed"),
    "twice": (b'{"events": [], "events": []}', {}, 400, "malformed"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_refused_as_the_contract_says(hub: httpx.Client, name: str) -> None:
    body, headers, status, code = HOSTILE[name]
    answer = hub.post(EVENTS, content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code


def test_a_body_without_end_is_refused(hub: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b" " * 1_000_000

    with suppress(httpx.WriteError, httpx.RemoteProtocolError):  # nginx hangs up on who does not stop
        assert hub.post(EVENTS, content=endless()).status_code == 413


def test_headers_too_large_are_refused_and_the_site_goes_on(hub: httpx.Client) -> None:
    assert hub.get("/api/v1/hub/config", headers={"X-Long": "x" * 40_000}).status_code == 400
    assert hub.get("/api/v1/hub/config").status_code == 200


def test_what_a_client_claims_about_its_address_is_not_believed(site: Gateway, staff: httpx.Client) -> None:
    spoofed = {"X-Forwarded-For": "198.51.100.7", "X-Request-ID": "chosen-by-me"}
    answer = staff.get("/api/v1/auth/me", headers=spoofed)
    assert answer.headers["X-Request-ID"] != "chosen-by-me"
    assert len(answer.headers["X-Request-ID"]) == 32


def test_the_api_in_the_clear_is_refused_and_pages_are_sent_to_tls(site: Gateway) -> None:
    plain = f"http://localhost:{site.plain_port}"
    answer = httpx.post(f"{plain}{EVENTS}", json={"events": []})
    assert (answer.status_code, answer.json()["code"]) == (403, "https_required")
    assert httpx.get(f"{plain}/").status_code == 308


def test_http_2_is_spoken(site: Gateway, tls: ssl.SSLContext) -> None:
    context = ssl.create_default_context(cafile=str(site.certificate))
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", site.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        assert secure.selected_alpn_protocol() == "h2"


def test_static_files_are_served(staff: httpx.Client) -> None:
    page = staff.get("/admin/login/", follow_redirects=True).text
    path = next(part for part in page.split('"') if part.startswith("/static/"))
    assert staff.get(path).status_code == 200


def test_guessing_passwords_is_slowed_for_each_address(site: Gateway, tls: ssl.SSLContext) -> None:
    wrong = {"email": EMAIL, "password": "not the password"}
    with httpx.Client(base_url=site.url, verify=tls, timeout=20) as client:

        def is_throttled() -> httpx.Response | None:
            answer = client.post("/api/v1/auth/login", json=wrong)
            assert answer.status_code in (401, 429)
            return answer if answer.status_code == 429 else None

        answer = eventually(is_throttled, 20, "a 429")
    assert answer.json()["code"] == "throttled"
    assert int(answer.headers["Retry-After"]) > 0
