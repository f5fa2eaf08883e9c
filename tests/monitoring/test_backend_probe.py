from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from monitoring.backend_probe import FAILED_FOR_S, BackendProbe, Look


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
    assert BackendProbe(answer_once(status)).look() is (Look.ANSWERED if is_us else Look.NOBODY)


def test_nobody_at_the_address_is_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert BackendProbe(f"http://127.0.0.1:{port}/").look() is Look.NOBODY


def test_a_backend_that_takes_the_connection_and_says_nothing_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.backend_probe.TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as busy:
        assert BackendProbe(f"http://127.0.0.1:{busy.getsockname()[1]}").look() is Look.SLOW


def test_a_busy_backend_is_away_only_after_three_slow_looks_in_a_row() -> None:
    probe = BackendProbe("http://127.0.0.1:1")
    looks = [Look.SLOW, Look.SLOW, Look.ANSWERED, Look.SLOW, Look.SLOW, Look.SLOW]
    seen = []
    for second, look in enumerate(looks):
        probe.note(look, float(second))
        seen.append(probe.is_backend_away(float(second)))
    assert seen == [False] * 5 + [True]


def test_the_backend_is_away_from_the_first_look_without_an_answer_to_the_next_with_one() -> None:
    probe = BackendProbe("http://127.0.0.1:1")
    assert not probe.is_backend_away(0.0)
    probe.note(Look.NOBODY, 10.0)
    probe.note(Look.NOBODY, 12.0)
    assert probe.is_backend_away(13.0)
    probe.note(Look.ANSWERED, 14.0)
    assert not probe.is_backend_away(14.0)


def test_an_address_that_never_answers_hides_dead_hubs_for_five_minutes_at_most() -> None:
    probe = BackendProbe("http://127.0.0.1:1")
    for second in range(0, 400, 2):
        probe.note(Look.NOBODY, float(second))
    assert probe.is_backend_away(FAILED_FOR_S - 1)
    assert not probe.is_backend_away(FAILED_FOR_S)
