"""An SMTP server that answers each step as it is told, and keeps what it took."""

from __future__ import annotations

import socketserver
import threading


class MailServer:
    """`answers` maps a verb to the line it is answered by; DATA's end is `.`."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.taken: list[str] = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

            def handle(self) -> None:
                self.say("220 mail.example ready")
                while line := self.rfile.readline().decode().strip():
                    verb = line.split(":")[0].split(" ")[0].upper()
                    self.say(outer.answers.get(verb, "354 go on" if verb == "DATA" else "250 ok"))
                    if verb == "QUIT":
                        return
                    if verb == "DATA" and verb not in outer.answers:
                        text = b""
                        while not text.endswith(b"\r\n.\r\n"):
                            text += self.rfile.readline()
                        self.say(outer.answers.get(".", "250 taken"))
                        outer.taken.append(text.decode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
