from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from monitoring.backend_probe import FAILED_FOR_S, BackendProbe


def answer_once(status: int) -> str:
    """The address of a server that answers one request with `status`."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """The test's output is its own."""

    server = HTTPServer(("127.0.0.1", 0), Answer)

    def serve() -> None:
        with server:
            server.handle_request()

    Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize(("status", "is_us"), [(200, True), (400, True), (502, False), (503, False)])
def test_a_proxy_that_answers_for_us_is_not_us(status: int, is_us: bool) -> None:
    assert BackendProbe(answer_once(status)).look() is is_us


def test_nobody_at_the_address_is_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert not BackendProbe(f"http://127.0.0.1:{port}/").look()


def test_the_backend_is_away_from_the_first_look_without_an_answer_to_the_next_with_one() -> None:
    probe = BackendProbe("http://127.0.0.1:1")
    assert not probe.is_backend_away(0.0)
    probe.note(False, 10.0)
    probe.note(False, 12.0)
    assert probe.is_backend_away(13.0)
    probe.note(True, 14.0)
    assert not probe.is_backend_away(14.0)


def test_an_address_that_never_answers_hides_dead_hubs_for_five_minutes_at_most() -> None:
    probe = BackendProbe("http://127.0.0.1:1")
    for second in range(0, 400, 2):
        probe.note(False, float(second))
    assert probe.is_backend_away(FAILED_FOR_S - 1)
    assert not probe.is_backend_away(FAILED_FOR_S)
