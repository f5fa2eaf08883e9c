"""A backend behind real HTTP: keeps what it was told, can refuse and can be away."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from ai.backend_client import BackendClient

if TYPE_CHECKING:
    from collections.abc import Iterator


class BackendDouble:
    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.keys: set[str] = set()
        self.answer: tuple[int, bytes] = (200, b"{}")
        self.url = ""

    @property
    def risks(self) -> list[dict[str, Any]]:
        """All risks reported so far, in order."""
        return [risk for path, body in self.calls if path == "/api/v1/ai/risk" for risk in body["risks"]]

    def client(self) -> BackendClient:
        return BackendClient(self.url, "svc_key.secret", timeout=2)


@contextmanager
def serve_backend() -> Iterator[BackendDouble]:
    double = BackendDouble()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            double.keys.add(self.headers["Authorization"])
            double.calls.append((self.path, body))
            status, text = double.answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
